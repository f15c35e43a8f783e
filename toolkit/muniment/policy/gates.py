"""The gates at which policy is asked, in the order of a record's and a version's life."""

from __future__ import annotations

SUBMIT = "submit"
"""The gate that every record of evidence passes; the others are passed by versions."""
GATES = (SUBMIT, "release", "promote", "deploy", "rollback")
"""The gates that semantics 1 asks at; a rule at another one would be written down and never asked."""
OF_VERSIONS = tuple(gate for gate in GATES if gate != SUBMIT)
"""The gates that versions pass."""
IN_ENVIRONMENTS = ("promote", "deploy", "rollback")
"""The gates that have an environment."""
