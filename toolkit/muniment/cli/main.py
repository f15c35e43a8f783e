"""The `muniment` command: groups put together, errors turned into messages and exit codes."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from muniment import __version__
from muniment.cli import output
from muniment.core.errors import MunimentError, Refused, Unchecked

BUG = 70
INTERRUPTED = 130
# What the machine refuses, whatever muniment asks for.
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG, errno.EMFILE}

app = typer.Typer(
    name="muniment",
    help="Signed evidence, gates and a verifiable registry for machine-learning models, without a server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"muniment {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _load() -> None:
    from muniment.cli import groups, options

    options.opened.cache_clear()
    if not app.registered_commands:  # a second run in one process has them already
        groups.register(app)


def run() -> None:
    """The entry point of the console script."""
    _load()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every locale can say what others wrote
    try:
        app()
    except MunimentError as error:
        _explain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as end:  # typer turns Ctrl-C into this
        if end.code == INTERRUPTED:
            _interrupted()
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in REFUSALS:
            _bug()
        where = error.filename or "The output"
        output.explain(f"{where}: {error.strerror}.", "Check permissions and space.")
        sys.exit(Unchecked.exit_code)
    except Exception:
        _bug()


def _interrupted() -> NoReturn:
    output.say("interrupted: run it again")
    sys.exit(INTERRUPTED)


def _bug() -> NoReturn:
    import traceback

    traceback.print_exc()
    output.explain("muniment itself failed.", "Report it with the lines above.")
    sys.exit(BUG)


def _explain(error: MunimentError) -> None:
    from muniment.interop.github import report_error

    output.explain(error.fact, error.remedy)
    report_error(error)
    if isinstance(error, Refused):
        from muniment.interop.findings import findings_text

        for line in findings_text(error.findings):
            output.say(f"  {line}")


if __name__ == "__main__":
    run()
