"""A picture that takes down the process which reads it costs its strip, and nothing else."""

from functools import partial

from tests.drawn.released import strips_of, write_tarball
from tests.drawn.strip_rows import opened
from tinyvideo.pipeline.errors import FailCause, LimitError
from tinyvideo.pipeline.types import Clip
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.exchange.import_released import Importer, judge
from tinyvideo.storage.exchange.released_format import Entry


def judged_but_one(entry: Entry, scene: str) -> tuple[Clip, bool]:
    if entry.name.index == 1:
        raise LimitError(FailCause.CRASH, "the worker process ended with SIGSEGV")
    return judge(entry, scene)


def test_the_strip_is_rejected_with_what_happened(tmp_path):
    tar = write_tarball(tmp_path / "all.tar", strips_of(77, 34, 34, 34))
    (tmp_path / "out").mkdir()
    with opened(tmp_path / "out") as (catalog, store):
        counts = Importer(
            catalog=catalog,
            part_of=partial(part_path, store),
            code_version="1",
            judged=judged_but_one,
        ).run(tar, lambda: pack(catalog, store))

    assert (counts.videos, counts.strips, dict(counts.rejected)) == (1, 2, {"broken_stream": 1})
