"""A container's memory and cores, as the kernel writes them down."""

import os
from pathlib import Path

import pytest

from tinyvideo.flows.here.limits import count_cores, fitting_workers, memory_mb

GB = 2**30


def groups(folder: Path, **files: str) -> Path:
    """Write control groups."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def machine(monkeypatch) -> None:
    """One of 64 cores and 128 GB."""
    known = {"SC_PHYS_PAGES": 128 * GB // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", known.__getitem__)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


TWO = {"memory.max": f"{8 * GB}\n", "cpu.max": "250000 100000\n"}
ONE = {
    "memory/memory.limit_in_bytes": f"{8 * GB}\n",
    "cpu/cpu.cfs_quota_us": "250000\n",
    "cpu/cpu.cfs_period_us": "100000\n",
}
NONE = {"memory.max": "max\n", "cpu.max": "max 100000\n"}
NONE_ONE = {
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "cpu/cpu.cfs_quota_us": "-1\n",
    "cpu/cpu.cfs_period_us": "100000\n",
}


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("files", "memory", "cores", "workers"),
    [
        (TWO, 8 * 1024, 3, 3),
        (ONE, 8 * 1024, 3, 3),
        (NONE, 128 * 1024, 64, 56),  # 131,072 MB, of 2,300 each
        (NONE_ONE, 128 * 1024, 64, 56),
        ({}, 128 * 1024, 64, 56),
        ({"memory.max": str(GB)}, 1024, 64, 1),
        ({"cpu.max": "50000 100000"}, 128 * 1024, 1, 1),
    ],
    ids=["version 2", "version 1", "2, no limit", "1, no limit", "no groups", "small", "half"],
)
def test_the_limits_are_those_of_the_container(tmp_path, files, memory, cores, workers):
    folder = groups(tmp_path, **files)
    assert memory_mb(folder) == memory
    assert count_cores(folder) == cores
    assert fitting_workers(folder) == workers
