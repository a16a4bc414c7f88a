"""Shards -> a named training set: which rows of which shards, split by owner.

A manifest is a JSON file, `datasets/<name>.json`. It lists the chosen rows by shard and row group,
never copies a pixel, and carries the hash of its own content as `manifest_id`, which every
checkpoint stores. Train, validation and test share no owner: the split is a hash of the owner
(of the video, where a folder names no owner), so that it stays the same when shards are added.

Cost: 1.5 ms per row group of 64 strips, of which four small columns are read and never the
pictures; the list of pieces is held in memory, 700 bytes per row group.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storage.objects import FolderStore, StorageError
from storage.shard import iterate_groups

MANIFEST_VERSION = 1
SPLITS = ("train", "validation", "test")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # it becomes the name of a file


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetConfig:
    scene: str = ""
    """Scene that a strip must show; empty takes all."""

    min_probability: float = 0.0
    """Least probability, 0 to 1, of `scene`."""

    validation: float = 0.05
    """Share of owners, 0 to 1, held out to watch training. Ours."""

    test: float = 0.05
    """Share of owners, 0 to 1, held out until the end. Ours."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_probability <= 1:
            raise ValueError(f"min_probability must be from 0 to 1, got {self.min_probability}")
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise ValueError(
                f"validation and test must leave owners to train on, got {self.validation} "
                f"and {self.test}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Chosen rows of one row group of one shard."""

    shard: str
    """Key of the shard, relative to the output folder."""

    row_group: int
    rows: tuple[int, ...]
    """Row numbers within the row group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    name: str
    version: int
    """Version of the manifest's format."""

    manifest_id: str
    """SHA-256 of everything else in here, as hexadecimal digits."""

    query: dict[str, Any]
    """The `DatasetConfig` that made the choice."""

    pieces: dict[str, tuple[Piece, ...]]
    """By split."""

    counts: dict[str, int]
    """Strips by split."""


def build_dataset(
    store: FolderStore, name: str, shards: Sequence[str], config: DatasetConfig
) -> Manifest:
    """Choose rows of `shards` (keys) and write the manifest, over an older one of that name.

    Raises:
        StorageError: the name is no file name, a shard cannot be read, or no strip fits.
    """
    manifest_key = _key(name)
    pieces: dict[str, list[Piece]] = {split: [] for split in SPLITS}
    for key in shards:
        for split, piece in _choose(store.path(key), key, config):
            pieces[split].append(piece)
    counts = {split: sum(len(p.rows) for p in pieces[split]) for split in SPLITS}
    if not sum(counts.values()):
        raise StorageError(f"no strip in {len(shards)} shards fits dataset {name!r}: {config}")
    body = {
        "name": name,
        "version": MANIFEST_VERSION,
        "query": asdict(config),
        "pieces": {split: [asdict(piece) for piece in pieces[split]] for split in SPLITS},
        "counts": counts,
    }
    document = {**body, "manifest_id": _content_hash(body)}
    store.replace(manifest_key, json.dumps(document, indent=1).encode())
    return _parse(document)


def read_manifest(root: Path, name: str) -> Manifest:
    """Read the manifest of the dataset `name` below the output folder `root`.

    Raises:
        StorageError: there is none, it cannot be read, it comes from a newer version, or its
            content does not have the hash it claims.
    """
    path = root / _key(name)
    try:
        document = json.loads(path.read_bytes())
        if document["version"] > MANIFEST_VERSION:
            raise StorageError(
                f"{path} has manifest version {document['version']}, this tinyvideo reads up to "
                f"{MANIFEST_VERSION}; install a newer tinyvideo"
            )
        body = {key: value for key, value in document.items() if key != "manifest_id"}
        if document["manifest_id"] != _content_hash(body):
            raise StorageError(f"{path} was changed after it was written; build the dataset again")
        return _parse(document)
    except FileNotFoundError as error:
        raise StorageError(f"there is no dataset {name!r} in {root}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is not a readable dataset manifest: {error}") from error


def split_of(group: str, config: DatasetConfig) -> str:
    """Assign everything of one owner to one split, by a hash of the owner's name."""
    digest = hashlib.sha256(group.encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < config.test:
        return "test"
    return "validation" if position < config.test + config.validation else "train"


def _choose(path: Path, key: str, config: DatasetConfig) -> Iterator[tuple[str, Piece]]:
    columns = ["video_id", "owner", "source", "scenes"]
    for group, rows in enumerate(iterate_groups(path, columns)):
        chosen: dict[str, list[int]] = {}
        for number, row in enumerate(rows):
            if _fits(row, config):
                owner = row["owner"] or row["video_id"]
                split = split_of(f"{row['source']}:{owner}", config)
                chosen.setdefault(split, []).append(number)
        for split, numbers in chosen.items():
            yield split, Piece(shard=key, row_group=group, rows=tuple(numbers))


def _fits(row: dict[str, Any], config: DatasetConfig) -> bool:
    if not config.scene:
        return True
    least = np.float32(config.min_probability)  # as the shard stores it: 0.9 is not less than 0.9
    return any(
        tag["scene"] == config.scene and tag["probability"] >= least for tag in row["scenes"]
    )


def _key(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StorageError(
            f"a dataset cannot be named {name!r}: letters, digits, '-', '_' and '.' make a name, "
            "and the first is a letter or digit"
        )
    return f"datasets/{name}.json"


def _content_hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _parse(document: dict[str, Any]) -> Manifest:
    return Manifest(
        name=document["name"],
        version=document["version"],
        manifest_id=document["manifest_id"],
        query=document["query"],
        pieces={
            split: tuple(
                Piece(shard=p["shard"], row_group=p["row_group"], rows=tuple(p["rows"]))
                for p in document["pieces"][split]
            )
            for split in SPLITS
        },
        counts=document["counts"],
    )
