"""A command that is asked to end while it is still being imported ends at once, with the sentence.

Python's own answer to Ctrl-C is a traceback through whatever it was importing.

Cost: 1 ms.
"""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

GO_ON = "stopped; run the same command again to go on"
"""What whoever stops a command should know."""


def end_at_once() -> None:
    """Have this process end when it is asked to, as there is nothing to put in order yet."""
    if "multiprocessing.spawn" in sys.modules:  # a child, which its parent ends
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` and a shell's `&`
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    with suppress(OSError):  # the terminal is gone
        os.write(2, f"tinyvideo: {GO_ON}\n".encode())
    os._exit(128 + number)
