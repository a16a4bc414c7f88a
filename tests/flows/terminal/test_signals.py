"""What a process does with the three signals that ask it to end, seen from outside."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tinyvideo.flows.terminal import unheard_by_children
from tinyvideo.flows.terminal.early_signals import GO_ON

EARLY = """
import time
from tinyvideo.flows.terminal import end_at_once
end_at_once()
print("here", flush=True)
time.sleep(600)
"""

BREAKS = """
import sys, time
from tinyvideo.flows import cli
def broken(**_):
    print("here", flush=True)
    try:
        time.sleep(600)
    finally:
        raise OSError(32, "Broken pipe")  # which typer, too, has a code of its own for
cli.app = broken
cli.main()
"""


def start(program: str, **pipes: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program], text=True, stdout=subprocess.PIPE, **pipes
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    return process


@pytest.fixture(autouse=True)
def heard():
    """Have processes that are started heed all signals, also under `nohup` or after `&`."""
    before = [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)]
    yield
    for number, handler in zip((signal.SIGINT, signal.SIGHUP), before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("program", [EARLY, BREAKS], ids=["early", "breaks"])
def test_it_ends_with_the_code_of_the_signal_and_one_sentence(program, number):
    process = start(program, stderr=subprocess.PIPE)
    process.send_signal(number)
    _, words = process.communicate(timeout=60)
    assert (process.returncode, words) == (128 + number, f"tinyvideo: {GO_ON}\n")


def test_a_terminal_that_was_closed_is_no_error():
    ours, theirs = pty.openpty()
    process = start(BREAKS, stderr=theirs)
    os.close(theirs)
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 129


def test_children_do_not_hear_what_a_terminal_sends_to_all():
    with unheard_by_children():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    for number in (signal.SIGINT, signal.SIGHUP):
        child.send_signal(number)
    time.sleep(0.2)
    assert child.poll() is None
    child.terminate()
    assert child.wait(60) == -signal.SIGTERM
