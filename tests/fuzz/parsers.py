"""Bytes of strangers into everything that reads some: only our own sentences may come out.

    python -m tests.fuzz.parsers --inputs 10000 --seed 1 [--target lists]

Each target has a good file, which is damaged as `mutations` says, and a reader. What comes out is a
value or one of OURS; anything else, or more than 5 s, is written down with its input's number.

Cost: 0.05 to 3 ms per input.
"""

import argparse
import json
import logging
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.drawn.released import strips_of, tarball
from tests.drawn.strip_rows import draw_record, draw_strip
from tests.fuzz.fuzz_target import Target
from tests.fuzz.stored_targets import stored_targets
from tinyvideo.flows.commands.curating.render_command import read_places
from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.errors import ExpectedError, RejectedError, TransientError
from tinyvideo.pipeline.find.lists import read_list
from tinyvideo.pipeline.find.yfcc import COLUMNS, read_yfcc100m
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.pipeline.thresholds.threshold_file import read_toml, write_toml
from tinyvideo.pipeline.thresholds.threshold_tables import curation_of
from tinyvideo.storage.exchange.released_format import Archive, iterate_strips
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import iterate_rows
from tinyvideo.storage.shards.shard_writer import ShardWriter

OURS = (ExpectedError, RejectedError, TransientError)
LIMIT_S = 5


def targets(folder: Path) -> dict[str, Target]:
    """Draw the good files."""
    entry = {"index": 0, "start_frame": 0, "frame_step": 1, "accepted": True}
    clip = {**entry, "to_first": np.tile(np.eye(3), (32, 1, 1)).tolist(), "crop": None}
    row = "\t".join(["1"] * (len(COLUMNS) - 1) + ["1"]).encode()
    lines = '{"url": "https://a.example/b.mp4", "title": "t"}\nhttp://c.example/[d].mp4\n' * 3
    return {
        "lists": Target(lines.encode(), lambda path: list(read_list(path))),
        "yfcc": Target((row + b"\n") * 4, lambda path: list(read_yfcc100m(path))),
        "toml": Target(
            write_toml(CurationConfig()).encode(),
            lambda path: curation_of(read_toml(path.read_text(errors="replace"))),
            (ValueError,),
        ),
        "clips.json": Target(json.dumps([clip]).encode(), read_places, (ValueError,)),
        "tars": Target(tarball(strips_of(4632147167, 34, 34)), _read_tar),
        "shards": Target(_shard(folder), lambda path: list(iterate_rows(path))),
        "strips": Target(
            draw_strip().jpeg, lambda path: decode_strip(path.read_bytes()), (ValueError,)
        ),
        **stored_targets(folder / "stored"),
    }


def _read_tar(path: Path) -> list[object]:
    return list(iterate_strips(path, Archive()))


def _shard(folder: Path) -> bytes:
    path = folder / "good.parquet"
    with ShardWriter(path) as writer:
        for index in range(4):
            writer.add(row_of(draw_record(), draw_strip(index), "1", "hash"))
    return path.read_bytes()


def fuzz(target: Target, path: Path, inputs: int, seed: int) -> list[str]:
    """Read so many damaged files; return what came out that is none of ours, each kind once."""
    found: dict[str, str] = {}
    for number in range(inputs):
        rng = np.random.default_rng([seed, number])
        path.write_bytes(target.damage(target.good, rng))
        signal.alarm(LIMIT_S)
        try:
            with suppress(*OURS, *target.also):
                target.read(path)
        except BaseException as error:
            found.setdefault(_kind(error), f"input {number}: {error!r:.200}")
        finally:
            signal.alarm(0)
    return list(found.values())


def _kind(error: BaseException) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{type(error).__name__} at {last.tb_lineno if last else 0}"


def _too_long(*_: object) -> None:
    raise TimeoutError(f"not read after {LIMIT_S} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", default="")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGALRM, _too_long)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, target in targets(folder).items():
            if options.target in {"", what}:
                found = fuzz(target, folder / "bad", options.inputs, options.seed)
                bad += len(found)
                told = "".join(f"\n  {line}" for line in found)
                sys.stdout.write(f"{what}: {options.inputs} inputs, {len(found)} kinds{told}\n")
                sys.stdout.flush()
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
