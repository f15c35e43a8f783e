"""Machine telemetry from Linux's /proc: counters read at a moment, and the series that two readings give.

Source: proc(5), Documentation/admin-guide/iostats.rst of the Linux kernel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Counters = Mapping[str, float]
SECTOR = 512  # bytes, whatever the disk's own sector is
_VIRTUAL = re.compile(r"(loop|ram|zram|dm-|md|sr|fd)")


@dataclass(frozen=True, slots=True)
class Series:
    """A metric: its name (with unit), the loads that concern it, decimals kept, and its value from two readings.

    `value` takes the reading before, the reading now and the seconds between them.
    """

    name: str
    loads: tuple[str, ...]
    decimals: int
    value: Callable[[Counters, Counters, float], float]


def read_counters(proc: Path = Path("/proc")) -> dict[str, float]:
    """Every counter that the series need."""
    counters = {"load1": float((proc / "loadavg").read_text().split()[0])}
    counters |= _stat((proc / "stat").read_text())
    counters |= _pairs((proc / "meminfo").read_text(), ("MemAvailable:",))
    counters |= _pairs((proc / "vmstat").read_text(), ("pgfault",))
    return counters | _disks((proc / "diskstats").read_text())


def _stat(text: str) -> dict[str, float]:
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    ticks = [float(tick) for tick in lines["cpu"][:8]]
    return {
        "cpu": sum(ticks),
        "busy_cpu": ticks[0] + ticks[2] + ticks[5] + ticks[6],
        "ctxt": float(lines["ctxt"][0]),
        "processes": float(lines["processes"][0]),
    }


def _pairs(text: str, names: tuple[str, ...]) -> dict[str, float]:
    lines = (line.split() for line in text.splitlines())
    return {line[0].rstrip(":"): float(line[1]) for line in lines if line and line[0] in names}


def _disks(text: str) -> dict[str, float]:
    rows = [line.split() for line in text.splitlines()]
    whole: list[list[str]] = []
    for row in rows:
        if not _VIRTUAL.match(row[2]) and not any(row[2].startswith(disk[2]) for disk in whole):
            whole.append(row)
    return {"written": SECTOR * sum(float(r[9]) for r in whole), "busy": sum(float(r[12]) for r in whole)}


def _rate(name: str) -> Callable[[Counters, Counters, float], float]:
    return lambda before, now, seconds: (now[name] - before[name]) / seconds


def _level(name: str, scale: float = 1.0) -> Callable[[Counters, Counters, float], float]:
    return lambda before, now, seconds: now[name] * scale


def _utilization(before: Counters, now: Counters, seconds: float) -> float:
    """Percent of all cores' time spent on work of ordinary priority: user, system and interrupts, without nice."""
    total = now["cpu"] - before["cpu"]
    return 100.0 * (now["busy_cpu"] - before["busy_cpu"]) / total if total > 0 else 0.0


SERIES = (
    Series("cpu_utilization_percent", ("cpu", "fork"), 1, _utilization),
    Series("load_average_1m", ("cpu", "fork"), 2, _level("load1")),
    Series("context_switches_per_s", ("fork",), 0, _rate("ctxt")),
    Series("processes_started_per_s", ("fork",), 0, _rate("processes")),
    Series("page_faults_per_s", ("fork",), 0, _rate("pgfault")),
    Series("memory_available_mib", ("memory",), 1, _level("MemAvailable", 1 / 1024)),
    Series("disk_write_bytes_per_s", ("disk",), 0, _rate("written")),
    Series("disk_busy_ms_per_s", ("disk",), 0, _rate("busy")),
)
