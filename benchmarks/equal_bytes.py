"""Did a change of the code change what comes out? Hashes of strips, shards and a short training.

    tinyvideo demo --out OUT --steps 25
    python -m benchmarks.equal_bytes OUT [FOLDER ...]

Run before and after a change that moves code, with the same OUT (the addresses of its films are in
the rows), the two lists must be equal. A FOLDER holds what `tinyvideo stabilize -o FOLDER` wrote.
What tells the version or the clock is left out: `pipeline_version`, and the seconds of a step.

Cost: reads everything once; seconds for a demo.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import torch

CHANGING = {"clips_per_second", "data_share"}
"""Figures of a training step that the clock decides."""


def hashes(out: Path, folders: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield a name and a SHA-256 for each strip, shard, dataset, step and weight."""
    for shard in sorted(out.glob("shards/*.parquet")):
        table = pq.read_table(shard).drop_columns(["pipeline_version"])
        for row in table.to_pylist():
            yield f"strip {row['strip_id']}", sha256(row["jpeg"]["bytes"])
        yield f"shard {shard.name}", sha256(repr(table.to_pylist()).encode())
    for run in sorted(out.glob("training/*/metrics.jsonl")):
        steps = [json.loads(line) for line in run.read_text().splitlines()]
        kept = [{k: v for k, v in step.items() if k not in CHANGING} for step in steps]
        yield f"metrics {run.parent.name}", sha256(json.dumps(kept).encode())
    for checkpoint in sorted(out.glob("training/*/*.pt")):
        for name, tensor in tensors(torch.load(checkpoint, weights_only=True, map_location="cpu")):
            yield f"{checkpoint.name} {name}", sha256(tensor.contiguous().numpy().tobytes())
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield f"file {path.relative_to(folder)}", sha256(path.read_bytes())


def tensors(state: object, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield every tensor of a checkpoint with its place."""
    if isinstance(state, torch.Tensor):
        yield name, state
    elif isinstance(state, dict):
        for key, value in state.items():
            yield from tensors(value, f"{name}.{key}")
    elif isinstance(state, list | tuple):
        for number, value in enumerate(state):
            yield from tensors(value, f"{name}.{number}")


def sha256(content: bytes) -> str:
    """Hash some bytes."""
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Print the list, and a hash of it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="output of a demo")
    parser.add_argument("folders", type=Path, nargs="*", help="what `stabilize` wrote")
    asked = parser.parse_args()
    found = list(hashes(asked.out, asked.folders))
    for name, digest in found:
        print(f"{digest[:16]}  {name}")
    print(f"{sha256(repr(found).encode())[:16]}  all {len(found)}")


if __name__ == "__main__":
    main()
