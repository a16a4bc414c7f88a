"""What goes out is what came in: byte for byte where it is JPEG, close to it where it is a film."""

import json
import tarfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

import tinyvideo.storage.exchange.export
from tests.drawn.dataset_rows import ALL_FOR_TRAINING, write_rows, write_shard, write_tagged
from tests.drawn.outputs import write_metrics
from tests.drawn.released import strips_of, write_tarball
from tests.drawn.strip_rows import curate_drawn, draw_record, draw_strip, opened
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip, encode_strip
from tinyvideo.pipeline.types import SceneTags
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.exchange.export import (
    Part,
    export_parts,
    released_name,
    rows_of_shards,
    rows_of_split,
)
from tinyvideo.storage.exchange.hub_card import write_output_card
from tinyvideo.storage.exchange.import_released import Importer
from tinyvideo.storage.exchange.released_format import read_list
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.shards.schema import SCHEMA, row_of
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
    part = Part(split="", rows=rows_of_shards(store, store.list("shards")), strips=6)
    return export_parts([part], kind, FolderStore(folder))


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
    rows = list(rows_of_split(store, manifest, "train"))
    everything = [row["strip_id"] for key in keys for row in iterate_rows(tmp_path / key)]
    assert [row["strip_id"] for row in rows] == everything
    assert {row["split"] for row in rows} == {"train"}
    assert list(rows_of_split(store, manifest, "test")) == []


def owners_in(tars: Iterable[Path]) -> tuple[int, set[str]]:
    documents = []
    for path in tars:
        with tarfile.open(path) as tar:
            documents += [
                json.loads(tar.extractfile(entry).read())
                for entry in tar
                if entry.name.endswith(".json")
            ]
    return len(documents), {document["owner"] for document in documents}


def test_splits_go_out_apart_in_as_many_tars_as_are_asked_for(tmp_path, monkeypatch):
    out, to = tmp_path / "out", tmp_path / "to"
    owners = [(f"owner {n}", 5) for n in range(40)]
    store = FolderStore(out)
    config = DatasetConfig(validation=0.3, test=0.2)
    manifest = build_dataset(store, "d", [write_shard(out, "shards/a.parquet", owners)], config)
    parts = [
        Part(split=s, rows=rows_of_split(store, manifest, s), strips=manifest.counts[s])
        for s in SPLITS
    ]
    assert export_parts(parts, "webdataset", FolderStore(to), files=3) == 200
    found = {split: owners_in(sorted((to / split).iterdir())) for split in SPLITS}
    assert {split: count for split, (count, _) in found.items()} == manifest.counts
    assert [len(list((to / split).iterdir())) for split in SPLITS] == [3, 3, 3]
    assert sum(len(who) for _, who in found.values()) == 40  # nobody is in two
    assert sorted(path.name for path in to.iterdir()) == sorted(SPLITS)


def test_what_is_exported_for_the_hub_is_loaded_by_its_name_and_split(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    out, to = tmp_path / "out", tmp_path / "to"
    store = FolderStore(out)
    owners = [(f"<b>owner {n}", 5) for n in range(40)]
    keys = [write_shard(out, "shards/a.parquet", owners)]
    manifest = build_dataset(store, "sea", keys, DatasetConfig(validation=0.3, test=0.2))
    parts = [
        Part(
            split=s,
            rows=rows_of_split(store, manifest, s, SCHEMA.names),
            strips=manifest.counts[s],
        )
        for s in SPLITS
    ]
    assert export_parts(parts, "hub", FolderStore(to), files=2, name="sea") == 200
    for split in SPLITS:
        loaded = datasets.load_dataset(str(to), "sea", split=split, cache_dir=str(tmp_path / "c"))
        strip_ids = [row["strip_id"] for row in rows_of_split(store, manifest, split)]
        assert loaded["strip_id"] == strip_ids
        assert loaded[0]["jpeg"].size == (16, 512)  # an image, decoded
    card = (to / "README.md").read_text()
    assert "size_categories:\n- n<1K\n" in card
    assert "- \\<b\\>owner 1: 5\n" in card
    (first,) = (to / "data" / "sea").glob("train-00000.parquet")
    assert pq.read_schema(first).field("fps").metadata[b"unit"] == b"frames per s"


def test_an_output_loads_after_a_dataset_was_built_and_a_model_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    root = tmp_path / "out"
    root.mkdir()
    with opened(root) as (catalog, store):
        curate_drawn(catalog, store, draw_record(1, owner="ada", license="CC BY"), strips=3)
        pack(catalog, store)
        build_dataset(store, "d", [*store.list("shards")], ALL_FOR_TRAINING)
        output = Output(catalog, store, store)
        assert write_output_card(output)
        write_metrics(root, "d", steps=5)
        loaded = datasets.load_dataset(str(root), cache_dir=str(tmp_path / "cache"))
        assert {split: len(rows) for split, rows in loaded.items()} == {"train": 3}
        assert [path.suffix for path in root.rglob("*.parquet")] == [".parquet"]  # the shard alone
        assert "- ada: 1\n" in (root / "README.md").read_text()

        (root / "README.md").write_text("# Mine")
        assert not write_output_card(output)
        assert (root / "README.md").read_text() == "# Mine"


def test_an_export_goes_to_s3_through_the_store(tmp_path, s3_address):
    write_shard(tmp_path / "out", "shards/a.parquet", [("ada", 4), ("bob", 2)])
    local, remote = FolderStore(tmp_path / "out"), open_store(s3_address)

    def export_there() -> int:
        part = Part(split="", rows=rows_of_shards(local, ["shards/a.parquet"]), strips=6)
        return export_parts([part], "webdataset", remote)

    assert export_there() == 6
    assert list(remote.list("")) == ["strips-000000.tar"]
    assert export(tmp_path / "out", "webdataset", tmp_path / "to") == 6
    assert remote.read("strips-000000.tar") == (tmp_path / "to/strips-000000.tar").read_bytes()
    with pytest.raises(StorageError, match="is not empty; choose another folder or prefix"):
        export_there()


def test_a_folder_that_is_in_use_or_cannot_be_written_is_told(tmp_path):
    write_shard(tmp_path / "out", "shards/a.parquet", [("ada", 1)])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    with pytest.raises(StorageError, match="full is not empty; choose another folder or prefix"):
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
