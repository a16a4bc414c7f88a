"""Other readers take what they need of a shard and leave the pictures where they are.

For pyarrow and our own reader a file that writes down which bytes are read of it stands between
the shard and its reader. DuckDB opens files itself: it gets a shard whose pictures are overwritten
where it must not need them, and would fail over each of them.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tests.drawn.old_shards import write_old_shard
from tests.drawn.strip_rows import SIZE, draw_jpeg, draw_record, draw_scenes, draw_strip
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows, read_rows
from tinyvideo.storage.shards.shard_writer import ShardWriter

STRIPS = 192  # three row groups


class WatchedFile(io.FileIO):
    """A file that remembers which bytes were read, as (start, end)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ranges: list[tuple[int, int]] = []

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        content = super().read(-1 if size is None else size)
        self.ranges.append((start, start + len(content)))
        return content

    def readinto(self, buffer: Any, /) -> int:
        start, count = self.tell(), super().readinto(buffer)
        self.ranges.append((start, start + count))
        return count


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("readers")
    (root / "shards").mkdir()
    path = root / "shards" / "a.parquet"
    with ShardWriter(path) as writer:
        for number in range(STRIPS):
            scenes = draw_scenes(beach=number / STRIPS)
            strip = draw_strip(number, jpeg=draw_large_jpeg(number), scenes=scenes)
            writer.add(row_of(draw_record(number // 100), strip, "0.1.0", "c0ffee"))
    return path


def draw_large_jpeg(number: int) -> bytes:
    """Draw a strip of 60 kB: a row group is then larger than what DuckDB reads ahead, 1 MB."""
    jpeg = draw_jpeg(number % 5)
    return jpeg + bytes(60_000 - len(jpeg))


def pictures_of(shard: Path) -> Iterator[tuple[int, int]]:
    """Say where the pictures lie, row group by row group, as (start, end)."""
    layout = pq.ParquetFile(shard).metadata
    for group in range(layout.num_row_groups):
        columns = [layout.row_group(group).column(n) for n in range(layout.num_columns)]
        (at,) = [column for column in columns if column.path_in_schema == "jpeg.bytes"]
        yield at.data_page_offset, at.data_page_offset + at.total_compressed_size


def touched(shard: Path, ranges: list[tuple[int, int]]) -> list[int]:
    """Number the row groups of whose pictures at least half was read.

    Less is no reading: who wants a footer or a small column takes some more, just in case.
    """
    return [
        group
        for group, (start, end) in enumerate(pictures_of(shard))
        if sum(max(min(last, end) - max(first, start), 0) for first, last in ranges)
        > (end - start) / 2
    ]


def test_pictures_are_nearly_all_of_a_shard(shard):
    pictures = sum(end - start for start, end in pictures_of(shard))
    assert pictures > 0.98 * shard.stat().st_size


def read_bytes(ranges: list[tuple[int, int]]) -> int:
    return sum(end - start for start, end in ranges)


def test_pyarrow_reads_small_columns_without_the_pictures(shard, watched):
    file = watched(shard)
    table = pq.read_table(file, columns=["strip_id", "scenes"])
    assert table["strip_id"][3].as_py() == f"{draw_record(0).video_id}-00003"
    assert len(table) == STRIPS
    assert touched(shard, file.ranges) == []
    assert read_bytes(file.ranges) < 0.1 * shard.stat().st_size


def test_pyarrow_passes_over_row_groups_that_cannot_match(shard, watched):
    file = watched(shard)
    table = pq.read_table(
        file, columns=["clip_index", "jpeg"], filters=pc.field("clip_index") > 189
    )
    assert table["clip_index"].to_pylist() == [190, 191]
    assert table["jpeg"][1].as_py()["bytes"] == draw_large_jpeg(191)
    assert touched(shard, file.ranges) == [2]


def test_a_pyarrow_dataset_filters_by_video_and_by_scene(shard):
    strips = ds.dataset(shard)
    second = ds.field("video_id") == draw_record(1).video_id
    assert strips.count_rows(filter=second) == 92
    (fragment,) = strips.get_fragments()
    assert [part.row_groups[0].id for part in fragment.split_by_row_group(second)] == [1, 2]
    best = pc.struct_field(pc.list_element(ds.field("scenes"), 0), "probability")
    table = strips.to_table(columns={"clip": ds.field("clip_index"), "best": best}, filter=second)
    assert table["clip"].to_pylist() == list(range(100, 192))
    assert table["best"][0].as_py() == pytest.approx(100 / STRIPS)


@pytest.fixture
def watched() -> Iterator[Callable[[Path], WatchedFile]]:
    """Open watched files, which are closed at the end."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(WatchedFile(path))


# -- DuckDB ----------------------------------------------------------------------------------


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        yield db


def blind(shard: Path, copy: Path, intact: frozenset[int] = frozenset()) -> Path:
    """Copy a shard and overwrite its pictures, but for those of the row groups `intact`."""
    content = bytearray(shard.read_bytes())
    for group, (start, end) in enumerate(pictures_of(shard)):
        if group not in intact:
            content[start:end] = b"\xff" * (end - start)
    copy.write_bytes(content)
    return copy


def test_duckdb_reads_small_columns_without_the_pictures(shard, duck, tmp_path):
    path = blind(shard, tmp_path / "blind.parquet")
    query = f"SELECT count(*), max(scenes[1].probability) FROM '{path}'"
    assert duck.execute(query).fetchone() == (STRIPS, pytest.approx(191 / STRIPS))


def test_duckdb_passes_over_row_groups_that_cannot_match(shard, duck, tmp_path):
    path = blind(shard, tmp_path / "blind.parquet", intact=frozenset({2}))
    query = f"SELECT jpeg.bytes, clip_index FROM '{path}' WHERE clip_index = 191"
    assert duck.execute(query).fetchall() == [(draw_large_jpeg(191), 191)]


@pytest.mark.parametrize("group", [0, 1, 2])
def test_duckdb_would_fail_over_an_overwritten_picture(shard, duck, tmp_path, group):
    path = blind(shard, tmp_path / "blind.parquet", intact=frozenset({0, 1, 2} - {group}))
    with pytest.raises(duckdb.Error):
        duck.execute(f"SELECT jpeg.bytes FROM '{path}'").fetchall()


# -- ours ------------------------------------------------------------------------------------


class WatchedStore(FolderStore):
    """A store that is read like a remote one."""

    opened: list[WatchedFile]

    def open(self, key: str) -> Any:
        self.opened.append(WatchedFile(self.path(key)))
        return self.opened[-1]


def test_our_own_reader_fetches_no_pictures_that_nobody_wants(shard, monkeypatch):
    monkeypatch.setattr(
        "tinyvideo.storage.shards.shard_reader.FolderStore", type("Nothing", (), {})
    )
    store = WatchedStore(shard.parents[1])
    store.opened = []
    source = ShardFile(store, "shards/a.parquet")
    assert [row["frames"] for row in iterate_rows(source, ["frames"])] == [32] * STRIPS
    (file,) = store.opened
    assert touched(shard, file.ranges) == []
    assert read_rows(source, 1, [5], ["jpeg"]) == [{"jpeg": draw_large_jpeg(69)}]
    assert touched(shard, store.opened[1].ranges) == [1]
    for file in store.opened:
        file.close()


# -- Hugging Face ----------------------------------------------------------------------------


@pytest.fixture
def hugging_face(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import datasets  # noqa: PLC0415  it reads the environment as it is imported

    datasets.disable_progress_bars()
    return datasets


def test_hugging_face_shows_the_strip_as_a_picture(shard, hugging_face, tmp_path):
    found = hugging_face.load_dataset(
        "parquet", data_files=str(shard), split="train", cache_dir=str(tmp_path)
    )
    assert found.features["jpeg"] == hugging_face.Image()
    assert len(found) == STRIPS
    picture = found[3]["jpeg"]
    assert (picture.format, picture.size) == ("JPEG", (SIZE, 32 * SIZE))
    assert found[3]["strip_id"] == f"{draw_record(0).video_id}-00003"
    assert found[191]["scenes"] == [{"scene": "beach", "probability": pytest.approx(191 / STRIPS)}]
    raw = found.cast_column("jpeg", hugging_face.Image(decode=False))[3]["jpeg"]
    assert raw == {"bytes": draw_large_jpeg(3), "path": f"{draw_record(0).video_id}-00003.jpg"}


def test_hugging_face_streams_it(shard, hugging_face):
    found = hugging_face.load_dataset(
        "parquet", data_files=str(shard), split="train", streaming=True
    )
    assert {row["jpeg"].size for row in found} == {(SIZE, 32 * SIZE)}


def test_without_the_pair_hugging_face_would_see_bytes(tmp_path, hugging_face):
    # Why version 2 stores a pair: this is what version 1 looks like to them.
    row = row_of(draw_record(0), draw_strip(0), "0.1.0", "c0ffee")
    old = write_old_shard(tmp_path / "old.parquet", [row])
    schema = pq.read_schema(old)
    assert schema.field("jpeg").type == pa.binary()
    assert hugging_face.Features.from_arrow_schema(schema)["jpeg"] != hugging_face.Image()
