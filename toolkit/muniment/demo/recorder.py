"""Records labelled machine telemetry in NAB's layout while known loads run at known times.

`python -m muniment.demo.recorder OUT --minutes M` writes `OUT/machine/<series>_s<session>.csv` (`timestamp,value`, UTC,
one row a second), `OUT/labels/combined_windows.json`, `OUT/labels/combined_labels.json` and `OUT/labels/loads.json`.
A row at second T measures the second that ends at T. The label windows of a series are the times at which a load that
concerns it (`telemetry.SERIES`) ran at full strength; the ramp before full strength is not labelled.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from muniment.demo.telemetry import SERIES, Counters, Series, read_counters

GROUP = "machine"
KINDS = ("cpu", "disk", "fork", "memory")


@dataclass(frozen=True, slots=True)
class Load:
    """A planned load: seconds from the session's start, seconds of growth, seconds at full strength."""

    kind: str
    start: int
    ramp: int
    full: int

    @property
    def window(self) -> tuple[int, int]:
        """First and last row (seconds from the session's start) measured wholly at full strength."""
        return self.start + self.ramp + 1, self.start + self.ramp + self.full


@dataclass(frozen=True, slots=True)
class Session:
    """One recording: the second (Unix time) it began at, its loads, and one reading a second with its exact time."""

    began: int
    loads: tuple[Load, ...]
    readings: tuple[tuple[float, Counters], ...]


def plan(seconds: int, dice: random.Random) -> tuple[Load, ...]:
    """Loads for a session: every kind once in each four; 10-20 s quiet between; two in three grow first."""
    loads: list[Load] = []
    at = 20
    while True:
        for kind in dice.sample(KINDS, len(KINDS)):
            load = Load(kind, at, dice.choice((0, 7, 9)), dice.randint(8, 14))
            if load.window[1] + 8 > seconds:
                return tuple(loads)
            loads.append(load)
            at = load.window[1] + dice.randint(10, 20)


def record(loads: Sequence[Load], seconds: int, folder: Path) -> Session:
    """Reads the counters once a second for so many seconds while the loads run as planned."""
    running: list[subprocess.Popen[bytes]] = []
    began = int(time.time()) + 1
    readings: list[tuple[float, Counters]] = []
    try:
        for tick in range(seconds + 1):
            time.sleep(max(0.0, began + tick - time.time()))
            readings.append((time.time(), read_counters()))
            running = [process for process in running if process.poll() is None]
            running += [_start(load, folder) for load in loads if load.start == tick]
    finally:
        for process in running:
            _stop(process)
    return Session(began, tuple(loads), tuple(readings))


def _start(load: Load, folder: Path) -> subprocess.Popen[bytes]:
    words = [load.kind, str(load.ramp), str(load.full), str(folder)]
    return subprocess.Popen([sys.executable, "-m", "muniment.demo.loads", *words])


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def series_rows(session: Session, series: Series) -> Iterable[str]:
    """The lines of a series' CSV file."""
    yield "timestamp,value"
    pairs = zip(session.readings, session.readings[1:], strict=False)
    for tick, ((before_at, before), (now_at, now)) in enumerate(pairs, start=1):
        value = series.value(before, now, max(now_at - before_at, 1e-3))
        yield f"{_stamp(session.began + tick)},{value:.{series.decimals}f}"


def series_windows(session: Session, series: Series) -> list[tuple[str, str]]:
    """The windows in which a load that concerns the series ran at full strength."""
    windows = [load.window for load in session.loads if load.kind in series.loads]
    return [(_stamp(session.began + first), _stamp(session.began + last)) for first, last in windows]


def write(sessions: Sequence[Session], out: Path) -> None:
    """Writes every session in NAB's layout."""
    windows: dict[str, list[tuple[str, str]]] = {}
    (out / GROUP).mkdir(parents=True, exist_ok=True)
    for number, session in enumerate(sessions, start=1):
        for series in SERIES:
            name = f"{GROUP}/{series.name}_s{number}.csv"
            (out / name).write_text("\n".join(series_rows(session, series)) + "\n")
            windows[name] = series_windows(session, series)
    (out / "labels").mkdir(exist_ok=True)
    _write_json(out / "labels" / "combined_windows.json", windows)
    _write_json(out / "labels" / "combined_labels.json", {n: [first for first, _ in w] for n, w in windows.items()})
    _write_json(out / "labels" / "loads.json", [_journal(session) for session in sessions])


def _journal(session: Session) -> list[dict[str, str]]:
    return [
        {
            "kind": load.kind,
            "started": _stamp(session.began + load.start),
            "fullFrom": _stamp(session.began + load.window[0]),
            "fullTo": _stamp(session.began + load.window[1]),
        }
        for load in session.loads
    ]


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the recorder; progress goes to stderr."""
    parser = argparse.ArgumentParser(prog="python -m muniment.demo.recorder", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--minutes", type=float, default=20.0, help="of recording in all (default: 20)")
    parser.add_argument("--sessions", type=int, default=4, help="recordings one after the other (default: 4)")
    parser.add_argument("--seed", type=int, default=1, help="of the plan of loads (default: 1)")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    seconds = int(options.minutes * 60 / options.sessions)
    dice, sessions = random.Random(options.seed), []  # noqa: S311 - a plan, not a secret
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        for number in range(1, options.sessions + 1):
            loads = plan(seconds, dice)
            print(f"session {number} of {options.sessions}: {seconds} s, {len(loads)} loads", file=sys.stderr)
            sessions.append(record(loads, seconds, Path(folder)))
    write(sessions, options.out)


if __name__ == "__main__":
    main()
