"""A function that reads bytes of strangers, called in a process with limits.

    with LimitedCalls(Limits(memory_mb=300, time_s=5)) as calls:
        calls(check_film, path)           as if it were called here; or LimitError

The processes are spawned at the first call and serve all later ones; one that hangs is killed, one
that dies is replaced, and the call that it had says so. What the function raises is raised here.

Cost: 1 s of processor time and 100 MB for each process, once; a call 1 ms.
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as LimitReached
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import ParamSpec, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from tinyvideo.flows.workers.confinement import end_with_parent, ignore_interrupts, limit_memory
from tinyvideo.flows.workers.landlock import lock_out
from tinyvideo.pipeline.errors import FailCause, LimitError

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a call may take."""

    memory_mb: int
    """Megabytes beside the libraries."""

    time_s: float


class LimitedCalls:
    """Calls functions in processes with limits; may be used by several threads.

    Where the kernel knows Landlock, they write below the `writable` folders only, which are there
    already, and have no network.
    """

    def __init__(
        self, limits: Limits, *, processes: int = 1, writable: Sequence[Path] = ()
    ) -> None:
        self._limits = limits
        self._pool = spawned_pool(processes, _prepare, limits, tuple(writable))

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call an importable function, and return what it returns.

        Raises:
            LimitError: it takes too long or too much, or its process has died.
            Exception: what the function raises.
        """
        future = self._pool.schedule(function, args, kwargs, timeout=self._limits.time_s)
        try:
            return future.result()
        except LimitReached as error:
            raise LimitError(
                FailCause.TIMEOUT, f"not done after {self._limits.time_s:g} s"
            ) from error
        except MemoryError as error:
            needed = f"more than {self._limits.memory_mb} MB needed"
            raise LimitError(FailCause.MEMORY, f"{needed}: {error}".removesuffix(": ")) from error
        except ProcessExpired as error:
            raise LimitError(FailCause.CRASH, death_of(error)) from error

    def close(self) -> None:
        """End the processes, and the calls that they have: those raise LimitError."""
        self._pool.stop()
        self._pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def spawned_pool(
    processes: int, prepare: Callable[P, None], *args: P.args, **_: P.kwargs
) -> ProcessPool:
    """Make a pool of processes, each of which calls `prepare` first."""
    return ProcessPool(
        max_workers=processes,
        initializer=prepare,
        initargs=list(args),
        # A forked child would inherit locks that OpenCV's, torch's and our own threads hold.
        context=multiprocessing.get_context("spawn"),
    )


def death_of(error: ProcessExpired) -> str:
    """Say how a worker process ended."""
    code = error.exitcode
    by = Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return f"the worker process ended with {by}"


def _prepare(limits: Limits, writable: Sequence[Path]) -> None:
    ignore_interrupts()
    end_with_parent()
    limit_memory(limits.memory_mb)
    lock_out(writable)
