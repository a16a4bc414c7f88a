"""Shards -> a named training set: which rows of which shards, split by owner.

A manifest is a JSON file, `datasets/<name>.json`. It lists the chosen rows by shard and row group,
never copies a pixel, and carries the hash of its own content as `manifest_id`, which every
checkpoint stores. Train, validation and test share no owner: the split is a hash of the owner
(of the video, where a folder names no owner), so that it stays the same when shards are added.

Cost: reads four small columns of every shard, never the pictures; the list of pieces is
held in memory, about 100 bytes per row group.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage.objects import FolderStore, StorageError
from storage.shard import open_shard

SPLITS = ("train", "validation", "test")


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
        StorageError: a shard cannot be read, or no strip fits.
    """
    pieces: dict[str, list[Piece]] = {split: [] for split in SPLITS}
    for key in shards:
        for split, piece in _choose(store.path(key), key, config):
            pieces[split].append(piece)
    counts = {split: sum(len(p.rows) for p in pieces[split]) for split in SPLITS}
    if not sum(counts.values()):
        raise StorageError(f"no strip in {len(shards)} shards fits dataset {name!r}: {config}")
    body = {
        "name": name,
        "version": 1,
        "query": asdict(config),
        "pieces": {split: [asdict(piece) for piece in pieces[split]] for split in SPLITS},
        "counts": counts,
    }
    document = {**body, "manifest_id": _content_hash(body)}
    store.replace(_key(name), json.dumps(document, indent=1).encode())
    return _parse(document)


def read_manifest(root: Path, name: str) -> Manifest:
    """Read the manifest of the dataset `name` below the output folder `root`.

    Raises:
        StorageError: there is none, or its content does not have the hash it claims.
    """
    path = root / _key(name)
    try:
        document = json.loads(path.read_bytes())
        body = {key: value for key, value in document.items() if key != "manifest_id"}
        if document["manifest_id"] != _content_hash(body):
            raise StorageError(f"{path} was changed after it was written; build the dataset again")
        return _parse(document)
    except FileNotFoundError as error:
        raise StorageError(f"there is no dataset {name!r} in {root}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is not a dataset manifest: {error}") from error


def split_of(group: str, config: DatasetConfig) -> str:
    """Assign everything of one owner to one split, by a hash of the owner's name."""
    digest = hashlib.sha256(group.encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < config.test:
        return "test"
    return "validation" if position < config.test + config.validation else "train"


def _choose(path: Path, key: str, config: DatasetConfig) -> Iterator[tuple[str, Piece]]:
    with open_shard(path) as file:
        for group in range(file.num_row_groups):
            columns = ["video_id", "owner", "source", "scenes"]
            rows = file.read_row_group(group, columns=columns).to_pylist()
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
    return any(
        tag["scene"] == config.scene and tag["probability"] >= config.min_probability
        for tag in row["scenes"]
    )


def _key(name: str) -> str:
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
