"""What this machine has, or the container that we run in: memory and cores.

limits   As the kernel's control groups say it, of both versions
"""

from tinyvideo.flows.here.limits import WORKER_MB, count_cores, fitting_workers, memory_mb

__all__ = [
    "WORKER_MB",
    "count_cores",
    "fitting_workers",
    "memory_mb",
]
