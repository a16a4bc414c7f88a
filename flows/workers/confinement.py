"""What a process may take that reads bytes of strangers: memory, threads, signals.

Films, pictures and archives are hostile input, and libraries in C read them. So they are read in
processes of their own, which begin with `confine`: whatever goes wrong there costs one film.

Cost: 0.2 ms. The limit of memory is Linux's; other systems offer none.
"""

import resource
import signal
from pathlib import Path

from tinyvideo.pipeline.curation import use_one_thread


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which ends its workers, and keep to one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()


def limit_memory(megabytes: int) -> None:
    """Give this process so many megabytes more than it has now: libraries map gigabytes at start.

    What asks for more gets a MemoryError, also in C.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # not Linux: the operating system offers no such limit
        return
    mapped_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmData" in line)
    limit = mapped_kb * 1024 + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
