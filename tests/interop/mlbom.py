"""Runs inside the validator's environment: every ML-BOM among the statements holds to CycloneDX, strictly.

Argument: bundles.json. A copy with one wrong field must be refused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

bundles = json.loads(Path(sys.argv[1]).read_text("utf-8"))
boms = [item["statement"]["predicate"] for item in bundles if item["type"] == "https://cyclonedx.org/bom"]
assert boms, "the registry holds no ML-BOM"
for bom in boms:
    validator = JsonStrictValidator(SchemaVersion.from_version(bom["specVersion"]))
    error = validator.validate_str(json.dumps(bom))
    assert error is None, f"{error.data.message} at {list(error.data.absolute_path)}"
    assert validator.validate_str(json.dumps({**bom, "components": "none"})) is not None
print(f"{len(boms)} ML-BOMs")
