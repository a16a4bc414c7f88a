"""Memory and cores that we may use: of the machine, or of the container that we run in.

A container of 8 GB on a machine of 64 cores sees all cores and all memory of the machine, and is
killed when its processes take more than its own. The limits stand in files of the kernel's control
groups: `memory.max` and `cpu.max` of version 2, `memory.limit_in_bytes` and `cpu.cfs_*` of 1.

Cost: four small files, 0.1 ms.
"""

import math
import os
from contextlib import suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
"""Where a container sees its own group, and a machine the topmost one."""

WORKER_MB = 2300
"""A worker process: 775 MB of libraries, and 1,500 MB for its video."""


def memory_mb(groups: Path = GROUPS) -> float | None:
    """Return the megabytes that there are for us; None where the system does not tell."""
    limits = [_number(groups / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    with suppress(ValueError, OSError):  # not every system tells
        limits.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    known = [limit for limit in limits if limit is not None]
    return min(known) / 2**20 if known else None


def count_cores(groups: Path = GROUPS) -> int:
    """Count the cores that there are for us; a part of one counts as one."""
    usable = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        usable = len(os.sched_getaffinity(0))
    shares = [_share(_read(groups / "cpu.max").split()), _share(_quota_of_version_1(groups))]
    return max(1, min([usable, *(math.ceil(share) for share in shares if share is not None)]))


def fitting_workers(groups: Path = GROUPS) -> int:
    """Count the processes that cores and memory allow for: at least one."""
    memory = memory_mb(groups)
    room = count_cores(groups) if memory is None else int(memory // WORKER_MB)
    return max(1, min(count_cores(groups), room))


def _quota_of_version_1(groups: Path) -> list[str]:
    return [_read(groups / f"cpu/cpu.cfs_{name}_us").strip() for name in ("quota", "period")]


def _share(words: list[str]) -> float | None:
    """Divide a quota by its period; "max" and -1 are no quota."""
    try:
        quota, period = map(int, words)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _number(file: Path) -> float | None:
    try:
        return float(int(_read(file)))
    except ValueError:  # "max", or no such file
        return None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
