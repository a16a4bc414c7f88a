"""What a person sees in the terminal, and how a command ends when asked to.

screen    What the terminal shows: progress bars, the books, and where things are
stopping  How a command ends when it is asked to, by Ctrl-C or SIGTERM: in seconds, with one
          sentence
"""

from tinyvideo.flows.terminal.screen import (
    Position,
    console,
    counted,
    progress,
    say,
    show_books,
    show_facts,
    waiting,
    write_json,
)
from tinyvideo.flows.terminal.stopping import SIGNALS, code_of, end_when_asked, tell_stopped

__all__ = [
    "SIGNALS",
    "Position",
    "code_of",
    "console",
    "counted",
    "end_when_asked",
    "progress",
    "say",
    "show_books",
    "show_facts",
    "tell_stopped",
    "waiting",
    "write_json",
]
