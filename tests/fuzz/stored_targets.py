"""What outputs hold and servers answer, as a stranger would make it: to be damaged and read.

    manifests   of a dataset, with a hash that is right again, as whoever writes one can have it
    pieces      its list of pieces, likewise
    catalogs    the SQLite file of an output
    answers     of Flickr's search and of its table of licenses: JSON of another form
    checkpoints of a training run, damaged, and with another content in a zip that is whole

Cost: 0.1 s to draw them; 0.1 to 20 ms per input.
"""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.drawn.dataset_rows import HALVES, write_shard
from tests.drawn.outputs import add_settled, add_sharded
from tests.drawn.strip_rows import draw_record, draw_strip
from tests.fuzz.fuzz_target import Target
from tests.fuzz.mutations import Rng, mutate_bytes, mutate_json
from tinyvideo.pipeline.find.flickr_query import NotUnderstoodError
from tinyvideo.pipeline.find.flickr_walk import read_page
from tinyvideo.pipeline.hosts.licenses import SHIPPED, parse_licenses
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.datasets import manifest as manifests
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.objects.folder import FolderStore

ROW = {
    "id": "4632147167",
    "owner": "7@N00",
    "secret": "ab",
    "title": "beach",
    "license": "4",
    "dateupload": "1400000000",
    "datetaken": "2014-05-13 12:00:00",
    "datetakengranularity": 0,
    "datetakenunknown": "0",
    "ownername": "Jo",
    "tags": "beach sea",
    "views": "12",
    "latitude": "52.1",
    "longitude": 4.2,
    "accuracy": "16",
    "pathalias": None,
    "media": "video",
    "media_status": "ready",
}
ANSWER = {
    "search": {"photos": {"page": 1, "pages": 1, "total": "2", "photo": [ROW, ROW]}, "stat": "ok"},
    "licenses": {"licenses": {"license": [{"id": 4, "name": "Attribution", "url": "https://c.c"}]}},
}


def stored_targets(folder: Path) -> dict[str, Target]:
    """Draw them, in a folder that is made."""
    folder.mkdir()
    store, whole = _dataset(folder)
    key = manifests.manifest_key("d", 1)
    pieces = (store.root / whole.pieces_key).read_bytes()
    document = (store.root / key).read_bytes()

    def read_manifest(path: Path) -> None:
        shutil.copyfile(path, store.root / key)
        (store.root / whole.pieces_key).write_bytes(pieces)
        _read_dataset(store)

    def read_pieces(path: Path) -> None:
        content = path.read_bytes()
        told = {**json.loads(document), "pieces_sha256": hashlib.sha256(content).hexdigest()}
        (store.root / key).write_bytes(_sealed(json.dumps(told).encode()))
        (store.root / whole.pieces_key).write_bytes(content)
        _read_dataset(store)

    return {
        "manifests": Target(
            document, read_manifest, damage=lambda data, rng: _sealed(mutate_json(data, rng))
        ),
        "pieces": Target(pieces, read_pieces),
        "catalogs": Target(_catalog(folder / "out"), _read_catalog),
        "answers": Target(
            json.dumps(ANSWER).encode(),
            _read_answers,
            (NotUnderstoodError, ValueError),
            damage=mutate_json,
        ),
        "checkpoints": Target(_checkpoint(folder), _read_checkpoint, damage=_damage_checkpoint),
    }


def _dataset(folder: Path) -> tuple[FolderStore, manifests.Manifest]:
    store = FolderStore(folder)
    keys = [write_shard(folder, "0.parquet", [("a", 3), ("b", 2), ("c", 2), ("d", 1)])]
    return store, build_dataset(store, "d", keys, HALVES)


def _read_dataset(store: FolderStore) -> None:
    found = manifests.read_manifest(store, "d")
    for split in SPLITS:
        manifests.read_selection(store, found, split)


def _sealed(data: bytes) -> bytes:
    """Give a manifest the hash that it should have."""
    document = json.loads(data)
    if isinstance(document, dict):
        document["manifest_id"] = manifests._content_hash(document)
    return json.dumps(document).encode()


def _catalog(out: Path) -> bytes:
    add_sharded(out, [(draw_record(number), [draw_strip(0)]) for number in range(3)], flat=1)
    add_settled(out, draw_record(9), VideoState.REJECTED, "too_short", "it ends")
    return (out / "catalog.db").read_bytes()


def _read_catalog(path: Path) -> None:
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    catalog = Catalog.open(path)
    try:
        catalog.books(recount=True)
        catalog.records([row.record.video_id for row in catalog.videos()])
    finally:
        catalog.close()


def _read_answers(path: Path) -> None:
    document = json.loads(path.read_bytes())
    for name, read in (("search", _read_search), ("licenses", parse_licenses)):
        if isinstance(answer := document.get(name), dict):  # as `flickr_api` sees to
            read(answer)


def _read_search(answer: dict[str, Any]) -> None:
    read_page(answer, SHIPPED, lambda why, text: None)


def _checkpoint(folder: Path) -> bytes:
    from tests.models.checkpoints.test_checkpoint import make_checkpoint  # noqa: PLC0415  torch
    from tinyvideo.models.checkpoints.checkpoint import save_checkpoint  # noqa: PLC0415

    return save_checkpoint(folder / "run", make_checkpoint()).read_bytes()


def _read_checkpoint(path: Path) -> None:
    from tinyvideo.models.checkpoints.checkpoint import load_checkpoint  # noqa: PLC0415

    load_checkpoint(path)


def _damage_checkpoint(data: bytes, rng: Rng) -> bytes:
    """Damage the file, or one of its members in a zip whose check sums are right."""
    if rng.integers(3) == 0:
        return mutate_bytes(data, rng)
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(written, "w") as target:
        names = source.namelist()
        pickled = next(name for name in names if name.endswith("data.pkl"))
        chosen = pickled if rng.integers(2) else names[int(rng.integers(len(names)))]
        for name in names:
            content = source.read(name)
            target.writestr(name, _damaged(content, rng) if name == chosen else content)
    return written.getvalue()


def _damaged(content: bytes, rng: Rng) -> bytes:
    damage: Callable[[bytes, Rng], bytes] = mutate_bytes
    return damage(content, rng) if content else content
