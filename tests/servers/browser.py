"""Headless Chromium, driven through its DevTools over two pipes: no driver, no port, no waiting.

Source: the DevTools protocol; with `--remote-debugging-pipe` Chromium reads commands from file
descriptor 3 and writes answers and events to 4, each a JSON document that ends with a zero byte.
A start costs 1 to 2 s.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",  # it cannot be had by root, nor in most containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)

# Chromium wants its pipes at 3 and 4, which are in use here; so Python arranges them over there.
LAUNCH = """
import os, sys
for given, between in zip(sys.argv[1:3], (30, 31)):  # out of the way of each other
    os.dup2(int(given), between)
os.dup2(30, 3), os.dup2(31, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_chromium() -> str | None:
    """Find the browser on the PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page of the browser, and everything that happened in it."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "wb")
        self._answers = os.fdopen(answers, "rb")
        self._unread = b""
        self._session: dict[str, str] = {}
        self._calls = 0
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and return its answer; events that come first are kept."""
        self._calls += 1
        command = {"id": self._calls, "method": method, "params": params, **self._session}
        self._commands.write(json.dumps(command).encode() + b"\0")
        self._commands.flush()
        while (message := self._read()).get("id") != self._calls:
            self.events.append(message)
        assert "error" not in message, message["error"]
        return dict(message["result"])

    def open(self, page: Path | str) -> None:
        """Load a file, or what is at an address, and wait until everything in it has run."""
        self.events = []
        self.call("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        while "Page.loadEventFired" not in self.names():
            self.events.append(self._read())

    def run(self, script: str) -> Any:
        """Evaluate JavaScript, which the page's own policy does not concern."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in CSS pixels; below 500 it is a phone's."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def prefer(self, **features: str) -> None:
        """Choose what the user prefers: `color_scheme="dark"`."""
        chosen = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.call("Emulation.setEmulatedMedia", features=chosen)

    def names(self) -> set[str]:
        """Name the kinds of events since the page was opened."""
        return {event.get("method", "") for event in self.events}

    def close(self) -> None:
        """Close the pipes, which ends the browser."""
        self._commands.close()
        self._answers.close()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            piece = self._answers.read1(1 << 20)
            if not piece:
                raise EOFError("the browser has ended")
            self._unread += piece
        message, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def opened_tab(chromium: str, profile: Path, *flags: str) -> Iterator[Tab]:
    """Start the browser with an empty profile, and end it."""
    (its_commands, commands), (answers, its_answers) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", LAUNCH, str(its_commands), str(its_answers)),
            *(chromium, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"),
        ],
        pass_fds=(its_commands, its_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_commands)
    os.close(its_answers)
    try:
        tab = Tab(commands, answers)
        try:
            yield tab
        finally:
            tab.close()
    finally:
        process.terminate()
        process.wait()
