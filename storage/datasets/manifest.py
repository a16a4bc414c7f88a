"""The manifest of a dataset: what it holds, and the list of its pieces beside it.

    datasets/beach/000002.json                     revision 2 of the dataset `beach`
    datasets/beach/000002-2f61c0d9a3b1.rows        its pieces: which rows of which row groups

A manifest names shards and their hashes, counts and query; it never copies a pixel. The pieces
are a Parquet file of four numbers per row group, whose hash the manifest holds, and the manifest
carries the hash of its own content as `manifest_id`, which every checkpoint stores. A revision is
put only if its number is free, after its pieces, and never changes: readers see all of it or
nothing. The highest number is the latest, so there is no pointer which could be wrong.

Cost: a list of the dataset's folder and two reads; 120 bytes per shard, 1 MB and 30 ms for 10,000.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tinyvideo.pipeline.outside_json import MOST_BYTES, parse_json
from tinyvideo.storage.datasets.row_selection import SPLITS, RowSelection, from_bytes, to_bytes
from tinyvideo.storage.objects import FolderStore, Store
from tinyvideo.storage.storage_errors import GoneError, StorageError

MANIFEST_VERSION = 2
"""1 was one JSON file per dataset, which listed every row."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # it becomes the name of a folder
_REVISION = re.compile(r"(\d{6,})\.json")
_PIECES_FILE = re.compile(r"(\d{6,})-[0-9a-f]{12}\.(?:rows|parquet)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    name: str
    version: int
    """Version of the manifest's format."""

    revision: int
    """1, 2, ... of this name."""

    manifest_id: str
    """SHA-256 of everything else in here, as hexadecimal digits."""

    query: dict[str, Any]
    """The `DatasetConfig` that made the choice, and `own_choice` where somebody's own rule took
    part in it, as `storage.datasets.own_choice` records it."""

    code_version: str
    """Version of tinyvideo that made it."""

    shards: tuple[str, ...]
    """Keys of the shards that hold chosen rows."""

    shard_sha256: tuple[str, ...]
    """Hashes of those objects."""

    counts: dict[str, int]
    """Strips by split."""

    owners: dict[str, int]
    """Owners by split; where no owner is known, each video counts as one."""

    scene_models: dict[str, int]
    """Strips by the classifier that tagged them: never mistake a proxy for Places."""

    pieces_key: str
    pieces_sha256: str
    """Where the pieces are, and the hash of that object."""


def read_manifest(store: Store, name: str, revision: int | None = None) -> Manifest:
    """Read a revision of the dataset `name`, the latest by default.

    Raises:
        StorageError: there is none, it cannot be read, it comes from a newer version, or its
            content does not have the hash it claims.
    """
    while True:
        found = list_revisions(store, name)
        wanted = max(found, default=0) if revision is None else revision
        if wanted not in found:
            raise StorageError(_missing(store, name, revision, found))
        try:
            return _read(store, manifest_key(name, wanted))
        except GoneError:
            continue  # a takedown has deleted it meanwhile, and there is a newer one


def read_selection(store: Store, manifest: Manifest, split: str) -> RowSelection:
    """Read which rows a split of the dataset takes.

    Raises:
        StorageError: there is no such split, the file is gone or damaged, or it is not the one of
            this manifest.
    """
    if split not in SPLITS:
        raise StorageError(f"there is no split {split!r}; a dataset has {', '.join(SPLITS)}")
    named = store.name(manifest.pieces_key)
    content = store.read(manifest.pieces_key)
    if hashlib.sha256(content).hexdigest() != manifest.pieces_sha256:
        raise StorageError(f"{named} was changed after it was written; build the dataset again")
    try:
        return from_bytes(content, split)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StorageError(f"{named} is not a list of pieces: {error}") from error


def write_manifest(store: Store, draft: Manifest, pieces: Mapping[str, RowSelection]) -> Manifest:
    """Write `draft` under the next free revision, and return it as it was written.

    The draft's revision, id, counts and pieces' names are filled in here. Where the latest
    revision says the same already, that one is returned and nothing is written.

    Raises:
        StorageError: the storage cannot be written.
    """
    content = to_bytes(pieces)
    counts = {split: int(pieces[split].count.sum(dtype=np.int64)) for split in SPLITS}
    sha256 = hashlib.sha256(content).hexdigest()
    query = json.loads(json.dumps(draft.query))  # tuples become lists here, not when it is read
    draft = replace(draft, counts=counts, query=query, pieces_sha256=sha256)
    while True:
        latest = max(list_revisions(store, draft.name), default=0)
        if latest and (same := _as_written(store, draft, latest)):
            return same
        manifest = _number(draft, latest + 1)
        put_bytes(store, manifest.pieces_key, content)
        document = json.dumps(asdict(manifest), indent=1).encode()
        # Another builder may have been faster; it is then its number.
        if put_bytes(store, manifest_key(draft.name, manifest.revision), document):
            sweep_pieces(store, draft.name)
            return manifest


def manifest_key(name: str, revision: int) -> str:
    """Name the object of a revision.

    Raises:
        StorageError: no dataset can have this name.
    """
    return f"{_folder(name)}/{revision:06d}.json"


def list_revisions(store: Store, name: str) -> list[int]:
    """List the revisions that a dataset has, ascending.

    Raises:
        StorageError: no dataset can have this name.
    """
    folder = _folder(name)
    files = (_REVISION.fullmatch(key.removeprefix(f"{folder}/")) for key in store.list(folder))
    return sorted(int(match[1]) for match in files if match)


def list_datasets(store: Store) -> list[str]:
    """List the names of all datasets, sorted."""
    parts = (key.split("/") for key in store.list("datasets"))
    return sorted({p[1] for p in parts if len(p) == 3 and _REVISION.fullmatch(p[2])})


def sweep_pieces(store: Store, name: str) -> None:
    """Delete lists of pieces that belong to no revision: what killed builders left behind.

    Those of a number that is still free stay: their builder may be at work.
    """
    folder = _folder(name)
    revisions = list_revisions(store, name)
    used = {_read(store, manifest_key(name, revision)).pieces_key for revision in revisions}
    for key in [*store.list(folder)]:
        match = _PIECES_FILE.fullmatch(key.removeprefix(f"{folder}/"))
        if match and key not in used and int(match[1]) <= max(revisions, default=0):
            store.delete(key)


def put_bytes(store: Store, key: str, content: bytes) -> bool:
    """Put a small object if its name is free; False if it is taken.

    Raises:
        StorageError: the storage cannot be written.
    """
    with _temporary(store) as path:
        path.write_bytes(content)
        return store.put_if_absent(key, path)


@contextmanager
def _temporary(store: Store) -> Iterator[Path]:
    if isinstance(store, FolderStore):  # a link needs the same file system
        with store.temporary() as path:
            yield path
    else:
        with tempfile.TemporaryDirectory(prefix="tinyvideo-") as folder:
            yield Path(folder) / "object"


def _as_written(store: Store, draft: Manifest, revision: int) -> Manifest | None:
    # A builder that was killed behind its last write, and is run again, has nothing to do.
    written = _read(store, manifest_key(draft.name, revision))
    return written if written == _number(draft, revision) else None


def _number(draft: Manifest, revision: int) -> Manifest:
    key = f"{_folder(draft.name)}/{revision:06d}-{draft.pieces_sha256[:12]}.rows"
    numbered = replace(draft, revision=revision, pieces_key=key)
    return replace(numbered, manifest_id=_content_hash(asdict(numbered)))


def _read(store: Store, key: str) -> Manifest:
    named = store.name(key)
    try:
        if store.size(key) > MOST_BYTES:
            raise StorageError(
                f"{named} is no dataset manifest: it has more than {MOST_BYTES} bytes"
            )
        document = parse_json(store.read(key))
        if document["version"] > MANIFEST_VERSION:
            raise StorageError(
                f"{named} has manifest version {document['version']}, this tinyvideo reads up to "
                f"{MANIFEST_VERSION}; install a newer tinyvideo"
            )
        if document["manifest_id"] != _content_hash(document):
            raise StorageError(f"{named} was changed after it was written; build the dataset again")
        check_kinds(document)
        lists = {"shards": tuple(document["shards"])}
        return Manifest(**{**document, **lists, "shard_sha256": tuple(document["shard_sha256"])})
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{named} is not a readable dataset manifest: {error}") from error


def check_kinds(document: Mapping[str, Any]) -> None:
    """Hold a manifest to its types: whoever writes one by hand can write its hash, too.

    Raises:
        ValueError: a field has another; the text names it.
    """
    for field in fields(Manifest):
        kind, value = field.type, document[field.name]
        if kind in (int, str):
            right = type(value) is kind
        elif kind == tuple[str, ...]:
            right = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        else:
            right = isinstance(value, dict)
            if kind == dict[str, int]:
                right = right and all(isinstance(count, int) for count in value.values())
        if not right:
            raise ValueError(f"{field.name} is {value!r:.80}")


def _content_hash(document: Mapping[str, Any]) -> str:
    body = {key: value for key, value in document.items() if key != "manifest_id"}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _missing(store: Store, name: str, revision: int | None, found: list[int]) -> str:
    if found:
        return (
            f"dataset {name!r} in {store.address} has no revision {revision}; "
            f"it has {', '.join(map(str, found))}"
        )
    if store.exists(f"datasets/{name}.json"):
        return f"{store.name(f'datasets/{name}.json')} is of an older tinyvideo; build it again"
    return (
        f"there is no dataset {name!r} in {store.address}; make one with 'tinyvideo dataset build'"
    )


def _folder(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StorageError(
            f"a dataset cannot be named {name!r}: letters, digits, '-', '_' and '.' make a name, "
            "and the first is a letter or digit"
        )
    return f"datasets/{name}"
