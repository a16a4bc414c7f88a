"""What goes out is what came in: byte for byte where it is JPEG, close to it where it is a film."""

import json
import tarfile
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

import tinyvideo.storage.exchange.export
from tests.drawn.dataset_rows import ALL_FOR_TRAINING, write_rows, write_shard, write_tagged
from tests.drawn.released import strips_of, write_tarball
from tests.drawn.strip_rows import draw_record, draw_strip, opened
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip, encode_strip
from tinyvideo.pipeline.types import SceneTags
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.exchange.export import (
    export_rows,
    released_name,
    rows_of_dataset,
    rows_of_shards,
)
from tinyvideo.storage.exchange.import_released import Importer
from tinyvideo.storage.exchange.released_format import read_list
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import iterate_rows
from tinyvideo.storage.storage_errors import StorageError


def import_tar(tar: Path, out: Path, **options: object) -> list[dict]:
    out.mkdir()
    with opened(out) as (catalog, store):
        name = partial(part_path, store)
        importer = Importer(catalog=catalog, part_of=name, code_version="0.1.0", **options)
        counts = importer.run(tar, lambda: pack(catalog, store))
        assert not counts.rejected
        assert not counts.missing
        return [row for key in store.list("shards") for row in iterate_rows(store.path(key))]


def read_lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def export(out: Path, kind: str, folder: Path) -> int:
    store = FolderStore(out)
    return export_rows(rows_of_shards(store, store.list("shards")), kind, folder)


def test_the_released_layout_comes_back_with_every_byte(tmp_path):
    files = {**strips_of(4632147167, 34, 32, 33), **strips_of(77, 34)}
    rows = import_tar(write_tarball(tmp_path / "t.tar.bz2", files), tmp_path / "a")
    assert export(tmp_path / "a", "tinyvideo", tmp_path / "to") == 4

    with tarfile.open(tmp_path / "to" / "tinyvideo.tar") as tar:
        assert sorted(tar.getnames()) == sorted(files)
    listed, strange = read_list(tmp_path / "to" / "tinyvideo.txt")
    assert (len(listed), strange) == (4, 0)
    wanted = frozenset(listed)
    again = import_tar(tmp_path / "to" / "tinyvideo.tar", tmp_path / "b", listed=wanted)
    for column in ("strip_id", "jpeg", "uri", "clip_index"):
        assert [row[column] for row in again] == [row[column] for row in rows]
    origins = [json.loads(line) for line in read_lines(tmp_path / "to" / "origins.jsonl")]
    assert [o["path"] for o in origins] == read_lines(tmp_path / "to" / "tinyvideo.txt")
    assert origins[0]["flicker"] is None  # unknown
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == [
        "origins.jsonl",
        "tinyvideo.tar",
        "tinyvideo.txt",
    ]


def test_videos_of_other_sources_have_names_of_the_released_form():
    def name(video_id: str, source: str) -> str:
        record = draw_record(video_id=video_id, source=source)
        return str(released_name(row_of(record, draw_strip(3), "0.1.0", "c0ffee")))

    assert name("flickr-4632147167", "flickr") == "videos1/3/2/1/4/7/1/6/7/4632147167.mp4/0003.jpg"
    one, other = name("folder-00aa", "folder"), name("folder-00ab", "folder")
    assert one != other
    assert one == name("folder-00aa", "folder")


def test_webdataset_has_a_picture_and_a_document_per_strip(tmp_path, monkeypatch):
    monkeypatch.setattr(tinyvideo.storage.exchange.export, "TAR_STRIPS", 3)
    key = write_shard(tmp_path / "out", "shards/a.parquet", [("ada", 4), ("bob", 2)])
    rows = list(iterate_rows(tmp_path / "out" / key))
    assert export(tmp_path / "out", "webdataset", tmp_path / "to") == 6
    names = sorted(path.name for path in (tmp_path / "to").iterdir())
    assert names == ["strips-000000.tar", "strips-000001.tar"]
    found = {}
    for name in names:
        with tarfile.open(tmp_path / "to" / name) as tar:
            assert len(tar.getnames()) == 6
            found |= {entry.name: tar.extractfile(entry).read() for entry in tar}
    for row in rows:
        assert found[f"{row['strip_id']}.jpg"] == row["jpeg"]
        document = json.loads(found[f"{row['strip_id']}.json"])
        assert document["owner"] == row["owner"]
        assert document["scenes"] == row["scenes"]


def test_a_film_shows_the_frames_of_its_strip(tmp_path):
    levels = np.linspace(40, 200, 32).astype(np.uint8)
    frames = np.broadcast_to(levels[:, None, None, None], (32, 64, 64, 3)).copy()
    strip = draw_strip(jpeg=encode_strip(frames), size=64, fps=30000 / 1001)
    write_tagged(tmp_path / "shards", [strip, draw_strip(1, fps=float("nan"))])
    assert export(tmp_path, "mp4", tmp_path / "to") == 2
    video_id = draw_record().video_id
    with av.open(tmp_path / "to" / f"{video_id}-00000.mp4") as film:
        assert abs(float(film.streams.video[0].average_rate) - 30000 / 1001) < 0.01
        shown = np.stack([f.to_ndarray(format="rgb24") for f in film.decode(video=0)])
    assert shown.shape == frames.shape
    assert np.abs(shown.astype(int) - decode_strip(strip.jpeg)).max() < 8
    with av.open(tmp_path / "to" / f"{video_id}-00001.mp4") as film:
        assert film.streams.video[0].average_rate == 25
    assert len(list((tmp_path / "to").iterdir())) == 3


def test_a_dataset_goes_out_split_by_split(tmp_path):
    store = FolderStore(tmp_path)
    keys = [write_shard(tmp_path, f"{n}.parquet", [("ada", 70), ("bob", 3)]) for n in "ab"]
    manifest = build_dataset(store, "d", keys, ALL_FOR_TRAINING)
    rows = list(rows_of_dataset(store, manifest))
    everything = [row["strip_id"] for key in keys for row in iterate_rows(tmp_path / key)]
    assert [row["strip_id"] for row in rows] == everything
    assert {row["split"] for row in rows} == {"train"}
    assert list(rows_of_dataset(store, manifest, ["test"])) == []


def test_a_folder_that_is_in_use_or_cannot_be_written_is_told(tmp_path):
    write_shard(tmp_path / "out", "shards/a.parquet", [("ada", 1)])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    with pytest.raises(StorageError, match=r"full is not empty; choose another folder with --to"):
        export(tmp_path / "out", "mp4", tmp_path / "full")
    with pytest.raises(StorageError, match=r"cannot export to .*mine/below: Not a directory"):
        export(tmp_path / "out", "mp4", tmp_path / "full" / "mine" / "below")


def test_a_strip_that_cannot_be_decoded_is_named(tmp_path):
    strip = draw_strip(jpeg=b"no picture", scenes=SceneTags(model="m", tags=()))
    row = row_of(draw_record(), strip, "0.1.0", "c0ffee")
    write_rows(tmp_path, "shards/a.parquet", [row])
    with pytest.raises(StorageError, match=f"strip {row['strip_id']} cannot be decoded"):
        export(tmp_path, "mp4", tmp_path / "to")
    assert list((tmp_path / "to").glob("*.mp4")) == []
