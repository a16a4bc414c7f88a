"""What `storage_kills` kills of `tinyvideo catalog`: a catalog is made of shards, and adopts.

At any moment: nothing in the store is lost, half or doubled beyond what was there before, and what
was taken down is nowhere. A catalog that is not whole says so; one that is has equal books with the
one that was lost. As soon as one is whole, the next round loses it, or another takes over.
"""

import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.drawn.strip_rows import count_clips, draw_record, draw_strip, write_strips
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database import transaction
from tinyvideo.storage.database.tables import SHARDS
from tinyvideo.storage.outputs.block_log import block
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.outputs.output_address import UNFINISHED, Output, OutputAddress
from tinyvideo.storage.outputs.owner_mark import MARK
from tinyvideo.storage.rebuild.catalog_backup import back_up_catalog
from tinyvideo.storage.rebuild.catalog_rebuild import adopt_output, rebuild_catalog
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows, verify_shard
from tinyvideo.storage.storage_errors import StorageError
from tinyvideo.storage.takedown import take_down

SHARD_COUNT, BATCH = 12, 4
GONE = draw_record(0)
"""Taken down before anything is killed."""

_ROUNDS = "rounds"


def prepare(address: str, folder: Path) -> None:
    """Make shards, a backup in the middle, a takedown, and a second catalog with doubled strips."""
    place = OutputAddress.at(address)
    with place.alone(make=True) as output:
        for first in range(0, SHARD_COUNT * BATCH, BATCH):
            _make_shard(output, range(first, first + BATCH))
            if first == SHARD_COUNT * BATCH // 2:
                back_up_catalog(output)
        take_down(output, TakedownKind.VIDEO, GONE.video_id, {})
        block(output, TakedownKind.OWNER, "eve", "asked by mail")
    _make_doubled(place)


def work(address: str) -> None:
    """Lose the catalog and rebuild it, with a backup and without, and adopt; round after round."""
    place = OutputAddress.at(address)
    rounds = place.work / _ROUNDS
    while True:
        number = int(rounds.read_text()) if rounds.exists() else 0
        what = number % 3
        here = other_of(place) if what == 2 else place
        if what == 2:
            Path(here.catalog).parent.mkdir(exist_ok=True)
            if not here.has_catalog():
                here.open_catalog(make=True).close()
            adopt_output(here, _tell)
        else:
            if _is_whole(here):
                lose(here)
            rebuild_catalog(here, _tell, from_backup=what == 0)
        if what == 2:
            lose(place)  # the other has it now
        draft = rounds.with_suffix(".draft")
        draft.write_text(str(number + 1))
        draft.rename(rounds)


def check(address: str) -> int:
    """See that nothing is lost, doubled, half or back; return how many rounds are done."""
    place = OutputAddress.at(address)
    store, seen = place.open_store(), Counter[str]()
    for key in store.list("shards"):
        rows = list(iterate_rows(ShardFile(store, key), ["strip_id"]))
        verify_shard(ShardFile(store, key), len(rows))
        seen.update({row["strip_id"] for row in rows})
    assert set(seen) == wanted(), "a strip is lost, or back"
    rounds = place.work / _ROUNDS
    done = int(rounds.read_text()) if rounds.exists() else 0
    if done:  # until the first round is done, a second catalog's strips are there twice
        assert max(seen.values()) == 1, "a strip is in two shards"
    for each in (place, other_of(place)):
        with suppress(StorageError), each.open() as output:  # not whole, or none: it says so
            _check_books(output)
    return done


def finish(address: str) -> None:
    """Rebuild once more, undisturbed, and see that the books are those that were lost."""
    place = OutputAddress.at(address)
    if _is_whole(place):
        lose(place)
    done = rebuild_catalog(place, _tell)
    assert done.books["problems"] == [], done.books["problems"]
    assert list(place.open_work().list("tmp")) == []
    with place.alone() as output:
        _check_books(output)
        output.catalog.add([GONE, draw_record(999, owner="eve")])
        rejected = {v.record.video_id: v.reason for v in output.catalog.videos(VideoState.REJECTED)}
        assert rejected[GONE.video_id] == "taken_down"
        assert rejected[draw_record(999).video_id] == "blocked"


def other_of(place: OutputAddress) -> OutputAddress:
    """Name the same output with another machine's catalog."""
    return OutputAddress.at(place.address, catalog=str(place.work.parent / "other" / "catalog.db"))


def lose(place: OutputAddress) -> None:
    """Delete a catalog, its log last: a killed deletion leaves no half database."""
    for path in sorted(Path(place.catalog).parent.glob("catalog.db*")):
        path.unlink()


def wanted() -> set[str]:
    """Name all strips that must be there: of the first catalog, and one video of the second."""
    numbers = [*range(1, SHARD_COUNT * BATCH), 500]
    return {f"{draw_record(n).video_id}-{i:05d}" for n in numbers for i in range(strips_of(n))}


def strips_of(number: int) -> int:
    return 1 + number % 3


def _check_books(output: Output) -> None:
    if output.catalog.known_fact(UNFINISHED) == "" and _knows_all(output):
        books = audited_books(output.catalog, output.store, recount=True)
        assert books["problems"] == [], books["problems"]
        assert books["strips"] == len(wanted())


def _knows_all(output: Output) -> bool:
    known = {shard.key for shard in output.catalog.shards(committed=True)}
    return known == set(output.store.list("shards"))


def _is_whole(place: OutputAddress) -> bool:
    if not place.has_catalog():
        return False
    catalog = Catalog.open(place.catalog)
    try:
        return not catalog.known_fact(UNFINISHED)
    finally:
        catalog.close()


def _make_shard(output: Output, numbers: "range | list[int]") -> None:
    for number in numbers:
        record, count = draw_record(number, owner=f"o{number}"), strips_of(number)
        output.catalog.add([record])
        strips = [draw_strip(index) for index in range(count)]
        write_strips(part_path(output.work, record.video_id), record, strips)
        output.catalog.enter_clips(record.video_id, count_clips(count))
    pack(output.catalog, output.store, output.work)


def _make_doubled(place: OutputAddress) -> None:
    """Have a second catalog make a film of the first again, as it could before there were marks."""
    store, mark = place.open_store(), place.open_store().read(MARK)
    store.delete(MARK)
    other = other_of(place)
    Path(other.catalog).parent.mkdir(parents=True)
    catalog = other.open_catalog(make=True)
    with transaction(catalog.engine, writes=True) as db:
        values = {"key": "taken", "number": SHARD_COUNT, "committed": False}
        db.execute(SHARDS.insert().values(**values, updated_at=catalog.clock()))
    _make_shard(Output(catalog, store, other.open_work()), [5, 500])
    catalog.close()
    shutil.rmtree(Path(other.catalog).parent)
    store.replace(MARK, mark)


def _tell(_done: int, _total: int) -> None:
    """Hear of progress."""
