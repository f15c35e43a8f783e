"""The command, run in this process: exit code, stdout, stderr."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass

from muniment.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of the command gave."""

    code: int
    out: str
    err: str


def muniment(*arguments: object) -> Ran:
    """Runs `muniment ARGUMENTS`."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["muniment", *map(str, arguments)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main.run()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    finally:
        sys.argv = before
    return Ran(code, out.getvalue(), err.getvalue())
