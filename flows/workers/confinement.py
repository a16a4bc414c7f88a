"""What a process may take that reads bytes of strangers: memory, threads, signals, its parent.

Films, pictures and archives are hostile input, and libraries in C read them. So they are read in
processes of their own, which begin with `confine`: whatever goes wrong there costs one film.

Cost: 0.2 ms. The limit of memory is Linux's; other systems offer none.
"""

import multiprocessing
import os
import resource
import signal
import threading
from multiprocessing.connection import wait
from pathlib import Path

from tinyvideo.pipeline.curation import use_one_thread


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which ends its workers, and keep to one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()


def end_with_parent() -> None:
    """Have this process end as soon as its parent has, also by a kill; a thread waits for that.

    Else it would work on to the end of its film, for hours, and nobody would hold its time. The
    kernel could do it (`prctl`), but ends a child with the thread that started it.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=[parent.sentinel], daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


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
