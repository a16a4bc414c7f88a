"""Training by all devices of this machine: torchrun, its processes, and their end with ours.

    start_training(job)     a guard process; torchrun; one process per device, which is this module

What is to be done travels as one JSON document. The guard reads its standard input: when that
closes, because the flow run ended or was killed, it ends torchrun and so all its processes; no GPU
stays busy for nobody; torchrun itself outlives whoever started it. Torchrun's and the processes'
words come out of the guard's standard output.

Cost: 5 to 10 s until the first step, of which torch's import takes most.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyvideo.pipeline.errors import ExpectedError

if TYPE_CHECKING:
    from tinyvideo.models.train_config import TrainConfig

END_LIMIT_S = 28
"""Seconds that torchrun has to end its processes, which write a checkpoint. Ours: its own limit is
30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the processes are told."""

    out: str
    """Address of the output that holds the dataset."""

    dataset: str
    run: str
    """Folder of the training run."""

    mirror: str
    """Address where checkpoints are kept too; empty: nowhere."""

    config: "TrainConfig"
    processes: int

    def as_json(self) -> str:
        """Write it down for the processes."""
        return json.dumps({**asdict(self), "config": asdict(self.config)})


async def start_training(job: Job) -> asyncio.subprocess.Process:
    """Start the processes; close the standard input of what is returned to end them."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tinyvideo.flows.machine.torchrun", "guard", job.as_json()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


def cause_of(words: Iterable[str], code: int) -> str:
    """Find in the last lines of torchrun and its processes why they have ended with `code`.

    What one of ours says in a sentence is the cause; else its last exception, or the signal that
    ended it. Torchrun's own table names neither.
    """
    lines = [_FROM_RANK.sub("", line).strip() for line in words]
    ours = [line.removeprefix(OURS) for line in lines if line.startswith(OURS)]
    errors = [line for line in lines if _ERROR.match(line) and "ChildFailedError" not in line]
    killed = [match[1] for line in lines if (match := _KILLED.search(line))]
    if ours:
        return ours[0]
    if errors:
        return errors[-1]
    if killed:
        often = ", which is often a lack of memory" if killed[0] == "SIGKILL" else ""
        return f"a process of training was ended by {killed[0]}{often}"
    return f"torchrun ended with exit code {code}: {' / '.join(lines[-5:])}"


OURS = "tinyvideo: "
"""What a sentence of ours begins with."""

_FROM_RANK = re.compile(r"^\[rank\d+\]:\s?")
_ERROR = re.compile(r"[\w.]*(?:Error|Exception|Interrupt)\b")
_KILLED = re.compile(r"Signal \d+ \((SIG\w+)\) received")


def guard(job: str) -> int:
    """Run torchrun until it ends, or until standard input closes; return its exit code."""
    count = json.loads(job)["processes"]
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command = [
        sys.executable,
        "-P",
        *launch,
        "-m",
        "tinyvideo.flows.machine.torchrun",
        "train",
        job,
    ]
    torchrun = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: torchrun.terminate())
    threading.Thread(target=_end_with_input, args=[torchrun], daemon=True).start()
    return torchrun.wait()


def train(job: Mapping[str, Any]) -> None:
    """Be one of torchrun's processes; asked to end, write a checkpoint first.

    Raises:
        StorageError, TrainingError, CheckpointError: as their texts say.
    """
    from tinyvideo.models.train_config import TrainConfig  # noqa: PLC0415
    from tinyvideo.models.training import Events  # noqa: PLC0415
    from tinyvideo.models.training import train as train_now  # noqa: PLC0415
    from tinyvideo.storage.objects import open_store  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # torchrun hands its own on to us
        signal.signal(number, lambda *_: stop.set())
    mirror = open_store(job["mirror"]) if job["mirror"] else None
    config, events = TrainConfig(**job["config"]), Events(should_stop=stop.is_set)
    train_now(job["out"], job["dataset"], config, Path(job["run"]), events=events, mirror=mirror)


def _end_with_input(torchrun: subprocess.Popen[bytes]) -> None:
    sys.stdin.read()
    torchrun.terminate()
    try:
        torchrun.wait(timeout=END_LIMIT_S)
    except subprocess.TimeoutExpired:
        torchrun.kill()


def _main(part: str, job: str) -> int:
    if part == "guard":
        return guard(job)
    try:
        train(json.loads(job))
    except ExpectedError as error:
        sys.stderr.write(f"{OURS}{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:3]))
