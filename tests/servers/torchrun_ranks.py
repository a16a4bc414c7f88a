"""Train by several processes, as `torchrun` would start them: each gets its place by environment.

Run as a program it is one rank: ROOT OUT CONFIG [STOP], CONFIG in JSON, STOP the step at which
every rank kills itself.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from tinyvideo.models.train_config import TrainConfig

LIMIT_S = 200


def train_together(ranks: int, root: Path, out: Path, config: TrainConfig, stop: int = 0) -> None:
    """Train with `ranks` processes on the CPU until they are done, or all kill themselves."""
    arguments = [str(root), str(out), json.dumps(asdict(config)), str(stop)]
    command = [sys.executable, "-m", "tests.servers.torchrun_ranks", *arguments]
    port = free_port()
    processes = [
        subprocess.Popen(command, env=environment(rank, ranks, port)) for rank in range(ranks)
    ]
    codes = [process.wait(LIMIT_S) for process in processes]
    assert codes == [-signal.SIGKILL if stop else 0] * ranks


def environment(rank: int, ranks: int, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "TORCHELASTIC_RUN_ID": "test",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def main() -> None:
    from tinyvideo.models.training.training_run import train  # noqa: PLC0415

    root, out, config, stop = sys.argv[1:]
    torch.set_num_threads(1)
    wanted = TrainConfig(**json.loads(config))
    if int(stop):
        stop_at(int(stop))
    train(Path(root), "drawn", wanted, Path(out))


def stop_at(step: int) -> None:
    """Kill this process when it begins the step after `step`."""
    from tinyvideo.models.step.trainer import Trainer  # noqa: PLC0415

    take = Trainer.take_step

    def watched(self, clips):
        if self.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return take(self, clips)

    Trainer.take_step = watched


if __name__ == "__main__":
    main()
