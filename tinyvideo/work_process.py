"""The command `tinyvideo run`, in a process of its own, for whoever has a program instead.

It starts a server and worker processes, and sets what Prefect reads from the environment. None of
that is for the process of a caller: a notebook has a loop of its own, and a script without an
`if __name__ == "__main__"` would be run again by each worker.

Cost: what the command costs; 2 s to start.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tinyvideo.pipeline.errors import ExpectedError

_SAYS = "tinyvideo: "
"""How the sentence begins with which a command ends that could not do it."""


class RunError(ExpectedError):
    """The run has failed; the text is the sentence that the command ended with."""


def run_command(address: str, options: Mapping[str, str | int | bool | None]) -> dict[str, Any]:
    """Run `tinyvideo run --out ADDRESS` with options by their names, and return the books.

    An option that is None or False is left out. Books without a strip, or with videos that are
    pending still, are returned like others: the caller sees what is in them.

    Raises:
        RunError: it has failed.
    """
    words = [
        word
        for name, value in options.items()
        if value is not None and value is not False
        for word in _words(name, value)
    ]
    command = [sys.executable, "-P", "-m", "tinyvideo.flows.cli", "run", "--out", address, "--json"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if done.returncode and not done.stdout.strip():
        error = RunError(_sentence(done.stderr) or f"it ended with exit code {done.returncode}")
        error.exit_code = done.returncode
        raise error
    books: dict[str, Any] = json.loads(done.stdout)
    return books


def _words(name: str, value: str | int) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    return [option] if value is True else [option, str(value)]


def _sentence(said: str) -> str:
    lines = said.strip().splitlines()
    told = [line.removeprefix(_SAYS) for line in lines if line.startswith(_SAYS)]
    return (told or lines or [""])[-1].strip()
