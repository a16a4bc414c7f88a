"""How a command ends when it is asked to, by Ctrl-C or SIGTERM: in seconds, with one sentence.

Both become an exception, so that what is under way is put in order. That may hang: a Prefect
server that is gone is asked again for minutes, and a thread that looks for videos may do so for
hours. So a thread waits for the signals, too: `signal.set_wakeup_fd` tells it of them whatever
handler is installed, and Prefect installs one of its own. When the process is still there
`GRACE_S` seconds later, the thread ends it, as a kill would, which costs no video.

Cost: a thread that sleeps. A loop with `add_signal_handler` (`tinyvideo worker`) takes the
signals for itself, and as long as it wants.
"""

import os
import select
import signal
import sys
import threading
from types import FrameType

from tinyvideo.flows.terminal.screen import GO_ON, say

GRACE_S = 8.0
"""Seconds to put things in order. Ours: with a server that answers it takes two."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_told = threading.Lock()


def end_when_asked() -> None:
    """Have this process end when it is asked to; only the main thread may call this."""
    if signal.getsignal(signal.SIGTERM) is _leave:
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_watch, args=[reader], daemon=True).start()


def tell_stopped() -> None:
    """Say that it was stopped, and how to go on; once, whoever comes first."""
    if _told.acquire(blocking=False):
        say(f"tinyvideo: {GO_ON}")


def code_of(number: int) -> int:
    """Name the exit code after a signal, as shells have it: 130 or 143."""
    return 128 + number


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(code_of(number))  # asyncio lets it through, and no `except Exception` stops it


def _watch(reader: int) -> None:
    while (number := os.read(reader, 1)[0]) not in SIGNALS:
        continue
    while select.select([reader], [], [], GRACE_S)[0]:  # a second Ctrl-C: somebody is in a hurry
        if os.read(reader, 1)[0] == signal.SIGINT:
            break
    try:
        # It has children only if somebody has imported it, which takes time.
        if (multiprocessing := sys.modules.get("multiprocessing")) is not None:
            for child in multiprocessing.active_children():
                child.kill()
        tell_stopped()
    finally:  # whatever happens: the terminal may be gone, too
        os._exit(code_of(number))
