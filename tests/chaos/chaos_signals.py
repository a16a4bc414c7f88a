"""Ctrl-C, SIGTERM, SIGHUP, once or twice, SIGKILL, closed terminals, in the midst of long commands.

    python -m tests.chaos.chaos_signals --times 30 [--only run --only demo] [--seed 1]

A worker needs a server, which the program has with `tinyvideo up`; the others need none.

Each command has a terminal of its own, as a person's has. What has to hold each time: the exit code
is that of the signal (or 0, where it was done before), the sentence is said once, no traceback and
no warning of Python's is shown, and 20 seconds later no process of it is left.

Cost: 10 to 40 s per signal on a busy machine, as commands are slow to start.
"""

import argparse
import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.prefect_machine import films
from tinyvideo.flows.server.private_server import free_port
from tinyvideo.flows.terminal.early_signals import GO_ON

LEFT_S, END_S = 20.0, 60.0
SHOCKS = ("INT", "TERM", "HUP", "INT INT", "TERM TERM", "closed terminal", "KILL")
NOT_SHOWN = ("Traceback", "leaked", "resource_tracker", "Exception ignored")


@dataclass
class Run:
    """A command in a terminal of its own."""

    pid: int
    terminal: int
    mark: str
    words: bytes = b""
    status: int | None = None

    def read(self, seconds: float) -> None:
        """Take what it says for some time, or until it has ended."""
        until = time.monotonic() + seconds
        while self.status is None and (left := until - time.monotonic()) > 0:
            if self.terminal >= 0 and select.select([self.terminal], [], [], min(left, 0.1))[0]:
                with suppress(OSError):
                    self.words += os.read(self.terminal, 65536)
            elif self.terminal < 0:
                time.sleep(min(left, 0.1))
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)

    def drain(self) -> None:
        """Take the rest of what it has said."""
        with suppress(OSError):
            while self.terminal >= 0 and select.select([self.terminal], [], [], 0.1)[0]:
                if not (more := os.read(self.terminal, 65536)):
                    break
                self.words += more

    def left(self) -> list[str]:
        """Name its processes that are alive."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found


def start(words: list[str], home: Path) -> Run:
    """Start a command, in a terminal of its own, which it leads."""
    mark = f"CHAOS_MARK={uuid.uuid4()}"
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup` has ignored
        environment = {**os.environ, "HOME": str(home), **dict([mark.split("=")])}
        command = [sys.executable, "-m", "tinyvideo.flows.cli", *words]
        os.execve(sys.executable, command, environment)
    return Run(pid, terminal, mark)


def shock(run: Run, kind: str, chance: random.Random) -> set[int]:
    """Do one of `SHOCKS`; return the exit codes that are right after it."""
    if kind == "closed terminal":
        os.close(run.terminal)
        run.terminal = -1
        return {129}
    names = kind.split()
    for name in names:
        number = getattr(signal, f"SIG{name}")
        with suppress(ProcessLookupError):
            if name == "INT":
                os.killpg(run.pid, number)  # as a terminal does: to all that are in front of it
            else:
                os.kill(run.pid, number)
        time.sleep(chance.uniform(0, 1.5) if len(names) > 1 else 0)
    if kind == "KILL":
        return {-signal.SIGKILL}
    first = getattr(signal, f"SIG{names[0]}")
    # The second may come when Python hears no more: a shell shows the same code for that.
    return {128 + first, -first} if len(names) > 1 else {128 + first}


@dataclass
class Places:
    """Where the commands work."""

    root: Path
    port: int = field(default_factory=free_port)

    def commands(self, number: int) -> dict[str, tuple[list[str], float]]:
        """The commands, and how long each takes on a busy machine, at most."""
        out, folder = str(self.root / f"out{number}"), str(self.root / "films")
        return {
            "run": (["run", "--folder", folder, "--out", out], 45),
            "stabilize": (["stabilize", f"{folder}/00000.mp4", "-o", f"{out}.mp4"], 8),
            "up": (["up", "--port", str(self.port), "--pool", "cpu"], 25),
            "worker": (["worker", "cpu"], 15),
            "demo": (["demo", "--out", out], 45),
            "crawl": (["crawl", "--folder", folder, "--out", out], 8),
            "train": (["train", "all", "--out", str(self.curated), "--steps", "100000"], 40),
        }

    @property
    def curated(self) -> Path:
        """An output with a dataset."""
        return self.root / "curated"

    def curate(self) -> None:
        """Make the dataset that `train` takes."""
        home = {**os.environ, "HOME": str(self.root / "home")}
        for words in (
            ["run", "--folder", str(self.root / "films"), "--out", str(self.curated)],
            ["dataset", "build", "all", "--out", str(self.curated)],
        ):
            command = [sys.executable, "-m", "tinyvideo.flows.cli", *words]
            subprocess.run(command, env=home, check=True, capture_output=True)


def once(places: Places, number: int, kind: str, chance: random.Random, name: str) -> list[str]:
    """Start a command, disturb it, and say what was wrong."""
    words, longest = places.commands(number)[name]
    run = start(words, places.root / "home")
    moment = chance.uniform(0.7, longest)
    run.read(moment)
    early = run.status is not None
    right = shock(run, kind, chance) if run.status is None else {0, 1, 2, 3}
    run.read(END_S)
    run.drain()
    wrong = [f"it had ended with {run.status} before"] if early and run.status else []
    if run.status not in right | {0}:
        wrong.append(f"code {run.status}, not {right}")
    words_said = run.words.decode(errors="replace")
    wrong += [f"it says {each!r}" for each in NOT_SHOWN if each in words_said]
    if run.status in right and run.terminal >= 0 and right & {129, 130, 143}:
        said = words_said.count(GO_ON)
        wrong += [f"the sentence was said {said} times"] if said != 1 else []
    until = time.monotonic() + LEFT_S
    while (left := run.left()) and time.monotonic() < until:
        time.sleep(0.2)
    if name != "up" or run.status != 0:
        wrong += [f"left: {each}" for each in left]
    if run.terminal >= 0:
        os.close(run.terminal)
    line = {"n": number, "command": name, "shock": kind, "at_s": round(moment, 1),
            "code": run.status, "wrong": wrong}  # fmt: skip
    sys.stderr.write(json.dumps(line) + "\n")
    if wrong:
        sys.stderr.write(words_said[-3000:] + "\n")
    return wrong


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="a command; may be given again")
    told = parser.parse_args()
    chance = random.Random(told.seed)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        places = Places(Path(name))
        (places.root / "home").mkdir()
        films(places.root / "films", 6, frames=66)
        names = told.only or ["run", "stabilize", "up", "crawl", "train"]
        if "train" in names:
            places.curate()
        for number in range(told.times):
            kind = SHOCKS[number % len(SHOCKS)]
            bad += bool(once(places, number, kind, chance, chance.choice(names)))
    sys.stdout.write(json.dumps({"signals": told.times, "wrong": bad, "seed": told.seed}) + "\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
