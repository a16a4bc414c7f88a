"""Shards -> a named training set: which rows of which shards, split without leaks.

Every build makes a new revision of the dataset (`storage.datasets.manifest`), unless nothing has
changed. Train, validation and test share no owner and no group of near duplicates
(`storage.datasets.splits`). Shards are read one after the other, the small columns only
(`storage.datasets.select_rows`). There is no shuffle here: the loader makes the order of training.
It shuffles row groups over the whole dataset, then the strips of a few of them among each other,
and so never holds more than those few.

Cost: 5.3 s and 236 MB for 1,000,000 rows in 245 shards on a local disk (`python -m
benchmarks.dataset`); 26 bytes of memory per chosen strip, and as much again while they are put
together. From S3, 0.1 s per shard of 1,024 strips, of which it reads a sixteenth.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from tinyvideo.storage.datasets.manifest import (
    MANIFEST_VERSION,
    Manifest,
    manifest_key,
    write_manifest,
)
from tinyvideo.storage.datasets.own_choice import OwnChoice, Taking
from tinyvideo.storage.datasets.row_selection import SPLITS, RowSelection, pack
from tinyvideo.storage.datasets.select_rows import Chosen, choose
from tinyvideo.storage.datasets.splits import assign, keep_some, one_of_each
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects import Store
from tinyvideo.storage.storage_errors import StorageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A choice that is not yet written; revision, counts and names are still to come."""

    manifest: Manifest
    pieces: Mapping[str, RowSelection]


def build_dataset(
    store: Store,
    name: str,
    shards: Iterable[str] | Mapping[str, str],
    config: DatasetConfig,
    on_shard: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Choose rows of `shards` and write a new revision of the dataset `name`.

    Shards are keys; a mapping gives the SHA-256 of each, as the catalog has it. Without, those with
    chosen rows are read whole to be hashed. If nothing has changed since the latest revision, that
    one is returned. `on_shard` is told after each shard how many are done, of how many.

    Raises:
        StorageError: the storage cannot be written, or as `draft_dataset`.
    """
    return write_dataset(store, draft_dataset(store, name, shards, config, on_shard))


def write_dataset(store: Store, draft: Draft) -> Manifest:
    """Write what was chosen, as `storage.datasets.manifest.write_manifest` does.

    Raises:
        StorageError: the storage cannot be written.
    """
    return write_manifest(store, draft.manifest, draft.pieces)


def draft_dataset(
    store: Store,
    name: str,
    shards: Iterable[str] | Mapping[str, str],
    config: DatasetConfig,
    on_shard: Callable[[int, int], None] | None = None,
    *,
    own: OwnChoice | None = None,
) -> Draft:
    """Choose as `build_dataset` does, and write nothing; `own` narrows it by somebody's own rule.

    Raises:
        StorageError: the name is no file name, a shard cannot be read or answer the query, no
            strip fits, or proxies and true scenes would be mixed, or a strip of the own choice
            is in no shard.
    """
    manifest_key(name, 1)  # a bad name is told before an hour of reading
    keys = list(shards)
    taking = Taking(own)
    chosen, models, ties = choose(store, keys, config, on_shard, taking)
    query = {**asdict(config), **taking.record()}
    if not len(chosen):
        raise StorageError(_nothing_fits(name, len(keys), config, own))
    _check_models(chosen, models, config)
    if config.one_per_group:
        chosen = chosen.take(one_of_each(chosen.group))
    if config.max_per_owner or config.balance:
        chosen = chosen.take(keep_some(chosen.owner, chosen.order, config))
    split = assign(chosen.owner, chosen.group, config, ties)
    used = np.unique(chosen.shard)
    hashes: Mapping[str, str] = shards if isinstance(shards, Mapping) else {}
    manifest = Manifest(
        name=name,
        version=MANIFEST_VERSION,
        revision=0,
        manifest_id="",
        query=query,
        code_version=version("tinyvideo"),
        shards=tuple(keys[number] for number in used),
        shard_sha256=tuple(hashes.get(k) or store.sha256(k) for k in (keys[n] for n in used)),
        counts={},
        owners=_count_owners(chosen, split),
        scene_models=_count_models(chosen, models),
        pieces_key="",
        pieces_sha256="",
    )
    return Draft(manifest=manifest, pieces=_pieces(chosen, split, used))


def _nothing_fits(name: str, shards: int, config: DatasetConfig, own: OwnChoice | None) -> str:
    low, high = config.fps
    rates = {"fps": f"{low:g}:{high:g}"}
    rules = {**config.asked(), **rates, **({"own choice": own.name} if own else {})}
    asked = ", ".join(f"{field}={value!r}" for field, value in rules.items())
    way_out = "; --fps 10:35 takes slow films too" if low > 10 else ""
    return f"no strip in {shards} shards fits dataset {name!r}: {asked}{way_out}"


def _check_models(chosen: Chosen, models: list[str], config: DatasetConfig) -> None:
    found = [models[number] for number in np.unique(chosen.model)]
    if config.scenes and len({_is_proxy(model) for model in found}) > 1:
        raise StorageError(
            f"strips tagged by {', '.join(sorted(found))} would be mixed, and a proxy's word is "
            "not a Places tag; choose one with --scene-model"
        )


def _is_proxy(model: str) -> bool:
    return model.endswith("-proxy")


def _pieces(
    chosen: Chosen, split: npt.NDArray[np.uint8], used: npt.NDArray[np.int32]
) -> dict[str, RowSelection]:
    pieces = {}
    for number, name in enumerate(SPLITS):
        part = chosen.take(split == number)
        shard = np.searchsorted(used, part.shard).astype(np.int32)
        pieces[name] = pack(shard, part.row_group, part.row)
    return pieces


def _count_owners(chosen: Chosen, split: npt.NDArray[np.uint8]) -> dict[str, int]:
    return {
        name: len(np.unique(chosen.owner[split == number])) for number, name in enumerate(SPLITS)
    }


def _count_models(chosen: Chosen, models: list[str]) -> dict[str, int]:
    counts = np.bincount(chosen.model, minlength=len(models))
    return {model: int(count) for model, count in zip(models, counts, strict=True) if count}
