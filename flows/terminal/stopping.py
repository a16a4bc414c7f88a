"""How a command ends when it is asked to, by Ctrl-C, SIGTERM or SIGHUP: soon, with one sentence.

All become an exception, so that what is under way is put in order. That may hang: a Prefect server
that is gone is asked again for minutes, and a thread that looks for videos may do so for hours. So
a thread waits for the signals, too: `signal.set_wakeup_fd` tells it of them whatever handler is
installed, and Prefect installs one of its own. When the process is still there `GRACE_S` seconds
later, or is asked a second time, the thread ends it, as a kill would, which costs no video. What
needs longer to put in order, a checkpoint of a training, says so (`more_time`).

What breaks after that is of the ending: a worker that is gone already, a pipe nobody reads. So the
exit code is that of the signal, whatever came of it, and no traceback is shown. Processes that a
command starts do not hear Ctrl-C, which a terminal sends to all of them, nor that it was closed:
they are ended by whoever started them.

Cost: a thread that looks twice a second. A loop with `add_signal_handler` (`tinyvideo worker`)
takes the signals for itself, and as long as it wants.
"""

import logging
import os
import select
import signal
import stat
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tinyvideo.flows.terminal.early_signals import GO_ON
from tinyvideo.flows.terminal.screen import say

GRACE_S = 8.0
"""Seconds to put things in order. Ours: with a server that answers it takes two."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_OF_TERMINALS = {signal.SIGINT, signal.SIGHUP}
"""What a terminal sends to all processes in front of it."""

_LOOK_S = 0.5
"""Seconds after which the thread looks whether there is time left."""

at_quick_end: list[Callable[[], object]] = []
"""What is done when there is no time to put things in order: quick, and from another thread."""

_grace = [GRACE_S]
"""Seconds to put things in order now: the last entry."""

_told = threading.Lock()
_reading = threading.Lock()
_readers: list[int] = []
"""The end of the pipe into which the interpreter writes the number of each signal, at once."""

_heard: list[int] = []
"""Signals that asked this process to end, in their order."""


def end_when_asked() -> None:
    """Have this process end when it is asked to; only the main thread may call this."""
    if signal.getsignal(signal.SIGTERM) is _leave:
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    _readers.append(reader)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _leave)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's `&` has it ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` has it ignored
        signal.signal(signal.SIGHUP, _leave)
    # Python's tracker of semaphores speaks of those that a quick end has left to it.
    sys.warnoptions.append("ignore:resource_tracker")
    warnings.filterwarnings("ignore", "resource_tracker")
    threading.Thread(target=_watch, args=[reader], daemon=True).start()


def asked_to_end() -> int | None:
    """Return the signal that asked this process to end, the first one; None if none has.

    Whoever asks looks itself: on a busy machine the thread that waits for signals may come late.
    """
    for reader in _readers:
        _hear(reader)
    return _heard[0] if _heard else None


def _hear(reader: int) -> int:
    """Take down the signals that have come; return how many have asked for the end in all."""
    with _reading:  # or one who has read a number, and not yet noted it, would hide it from others
        with suppress(BlockingIOError):
            while numbers := os.read(reader, 64):
                _heard.extend(number for number in numbers if number in SIGNALS)
        return len(_heard)


@contextmanager
def unheard_by_children() -> Iterator[None]:
    """Start processes and threads that do not hear what a terminal sends to all of them.

    They have the signals blocked from their first moment on, and hand that on. This process hears
    them meanwhile by its other threads.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def more_time(seconds: float) -> Iterator[None]:
    """Let things be put in order for so long when this process is asked to end in the block."""
    _grace.append(seconds)
    try:
        yield
    finally:
        _grace.remove(seconds)


def tell_stopped() -> None:
    """Say that it was stopped, and how to go on; once, whoever comes first."""
    if _told.acquire(blocking=False):
        with suppress(OSError):  # the terminal is gone
            say(f"tinyvideo: {GO_ON}")


def heed_no_more() -> None:
    """Let no further signal change the exit code, while Python takes itself down."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def code_of(number: int) -> int:
    """Name the exit code after a signal, as shells have it: 130, 143 or 129."""
    return 128 + number


def _leave(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        let_go_of_terminal()
    raise SystemExit(code_of(number))  # asyncio lets it through, and no `except Exception` stops it


def let_go_of_terminal() -> None:
    """Write nothing more to a terminal that was closed: that is an error, amid the ending."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            there = os.fstat(stream.fileno())
            if not stat.S_ISCHR(there.st_mode) or os.isatty(stream.fileno()):
                continue
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


def _watch(reader: int) -> None:
    while not _hear(reader):  # the main thread may have read it
        select.select([reader], [], [], _LOOK_S)
    number, asked_at = _heard[0], time.monotonic()
    _be_silent()
    while time.monotonic() < asked_at + _grace[-1] and not _is_hurried(reader):
        select.select([reader], [], [], _LOOK_S)
    try:
        # It has children only if somebody has imported it, which takes time.
        if (multiprocessing := sys.modules.get("multiprocessing")) is not None:
            for child in multiprocessing.active_children():
                child.kill()
        for each in at_quick_end:
            each()
        tell_stopped()
    finally:  # whatever happens: the terminal may be gone, too
        os._exit(code_of(number))


def _is_hurried(reader: int) -> bool:
    # Asked again, by somebody: a terminal that is closed may say so more than once.
    _hear(reader)
    return any(number != signal.SIGHUP for number in _heard[1:])


def _be_silent() -> None:
    sys.unraisablehook = lambda _: None
    threading.excepthook = lambda _: None
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
