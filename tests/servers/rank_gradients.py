"""The gradients of one step, by one process or by two: the same clips and switches.

Run as a program it is one rank: OUT CONFIGS, a file of TrainConfigs in JSON; the first rank writes.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from tests.servers.torchrun_ranks import LIMIT_S, environment, free_port
from tinyvideo.models.step.ranks import ALONE, Ranks
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.train_config import TrainConfig

Gradients = dict[str, Tensor]
"""The gradients of the discriminator and of the generator, each as one vector."""


def gradients_of(config: TrainConfig, ranks: Ranks = ALONE) -> Gradients:
    """Take one step on drawn clips; each rank takes its share of them."""
    trainer = Trainer(config, "00" * 32, ranks)
    rng = torch.Generator().manual_seed(5)
    clips = torch.randint(0, 256, (config.batch, 3, 32, 64, 64), dtype=torch.uint8, generator=rng)
    trainer.take_step(ranks.share(clips))
    networks = {"discriminator": trainer._discriminator, "generator": trainer._generator}
    return {
        name: torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        for name, network in networks.items()
    }


def gradients_on_two(configs: list[TrainConfig], folder: Path) -> list[Gradients]:
    """Take the step of each configuration on two ranks; both run all of them, one start for all."""
    wanted = folder / "configs.json"
    wanted.write_text(json.dumps([asdict(config) for config in configs]))
    command = [sys.executable, "-m", "tests.servers.rank_gradients", str(folder / "out"), wanted]
    port = free_port()
    processes = [subprocess.Popen(command, env=environment(rank, 2, port)) for rank in range(2)]
    assert [process.wait(LIMIT_S) for process in processes] == [0, 0]
    found: list[Gradients] = torch.load(folder / "out", weights_only=True)
    return found


def main() -> None:
    out, wanted = sys.argv[1:]
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    configs = [TrainConfig(**config) for config in json.loads(Path(wanted).read_text())]
    found = [gradients_of(config, ranks) for config in configs]
    if ranks.first:
        torch.save(found, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
