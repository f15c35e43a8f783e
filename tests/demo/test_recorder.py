"""Telemetry, loads and the recorder: what is read, what is planned, what is written."""

from __future__ import annotations

import json
import random
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.demo import loads, nab, recorder, telemetry

PROC = {
    "loadavg": "0.52 0.40 0.31 2/92 4711\n",
    "stat": "cpu  100 7 50 800 20 5 3 15 0 0\ncpu0 1 0 0 0\nctxt 9000\nbtime 5\nprocesses 321\n",
    "meminfo": "MemTotal: 2048000 kB\nMemAvailable: 1024000 kB\n",
    "vmstat": "pgfault 777\npgmajfault 3\n",
    "diskstats": (
        "7 0 loop0 9 9 9 9 9 9 900 9 9 9 9\n"
        "259 0 nvme0n1 1 1 1 1 1 1 40 1 0 12 1\n"
        "259 1 nvme0n1p1 1 1 1 1 1 1 30 1 0 11 1\n"
        "8 0 sda 1 1 1 1 1 1 2 1 0 5 1\n"
    ),
}


def write_proc(folder: Path, **changes: str) -> dict[str, float]:
    for name, text in (PROC | changes).items():
        (folder / name).write_text(text)
    return telemetry.read_counters(folder)


def test_counters_leave_out_virtual_disks_and_count_partitions_once(tmp_path: Path) -> None:
    counters = write_proc(tmp_path)
    assert counters["written"] == (40 + 2) * 512
    assert counters["busy"] == 12 + 5
    assert (counters["ctxt"], counters["processes"], counters["pgfault"]) == (9000, 321, 777)


def test_series_are_rates_or_levels_over_the_time_between_readings(tmp_path: Path) -> None:
    before = write_proc(tmp_path)
    now = write_proc(tmp_path, stat="cpu  130 17 70 900 20 5 3 15 0 0\nctxt 9500\nprocesses 341\n")
    values = {series.name: series.value(before, now, 2.0) for series in telemetry.SERIES}
    assert values["context_switches_per_s"] == 250
    assert values["processes_started_per_s"] == 10
    assert values["memory_available_mib"] == 1000
    assert values["disk_write_bytes_per_s"] == 0
    assert values["cpu_utilization_percent"] == pytest.approx(100 * 50 / 160)  # nice time is not counted


@given(st.integers(60, 900), st.integers(0, 10**6))
def test_planned_loads_never_overlap_and_end_before_the_session_does(seconds: int, seed: int) -> None:
    planned = recorder.plan(seconds, random.Random(seed))  # noqa: S311
    assert all(a.window[1] + 10 <= b.start for a, b in pairwise(planned))
    assert all(load.window[1] < seconds for load in planned)
    for first in range(0, len(planned) - 3, 4):
        assert {load.kind for load in planned[first : first + 4]} == set(recorder.KINDS)


@given(st.floats(0, 30), st.sampled_from([0.0, 7.0, 9.0]))
def test_a_load_grows_to_full_strength_and_stays_there(elapsed: float, ramp: float) -> None:
    share = loads.strength(elapsed, ramp)
    assert share == 1.0 if elapsed >= ramp else 0.05 <= share < 0.61
    assert share <= loads.strength(elapsed + 0.1, ramp)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_recording_shows_the_load_in_its_window_and_reads_back_as_a_group(tmp_path: Path) -> None:
    planned = (recorder.Load("fork", 1, 0, 2), recorder.Load("memory", 1, 0, 2))
    session = recorder.record(planned, 4, tmp_path)
    recorder.write([session, session], tmp_path / "out")

    group = nab.find_group(tmp_path / "out")
    assert len(group.files) == 2 * len(telemetry.SERIES)
    started = nab.read_series(group.root, "machine/processes_started_per_s_s1.csv")
    assert started.windows == ((1, 3),)
    assert started.values[2] > 20  # a whole second of forks at full strength
    assert nab.read_series(group.root, "machine/disk_busy_ms_per_s_s1.csv").windows == ()
    journal = json.loads((tmp_path / "out" / "labels" / "loads.json").read_text())
    assert [load["kind"] for load in journal[0]] == ["fork", "memory"]
