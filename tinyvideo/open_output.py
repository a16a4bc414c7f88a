"""`tv.open`: an output, on disk or on S3, as Python sees it: books, strips, shards, datasets.

Everything asks the catalog and the store anew, so that an output may be read while runs write it.

Cost: opening costs nothing; each method says what it reads.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from tinyvideo.flows.which_output import output_at
from tinyvideo.opened_dataset import Dataset
from tinyvideo.pipeline.find import checked_records
from tinyvideo.pipeline.strips import decode_strip
from tinyvideo.pipeline.types import STRIP_FRAMES, VideoRecord
from tinyvideo.storage.datasets import (
    PRESETS,
    DatasetConfig,
    OwnChoice,
    build_committed,
    list_datasets,
    read_manifest,
)
from tinyvideo.storage.exchange import write_output_card
from tinyvideo.storage.outputs import OutputAddress, read_books
from tinyvideo.storage.shards import PICTURE, SCHEMA, ShardFile, iterate_rows
from tinyvideo.work_process import run_command


def open(address: str | Path = "") -> "Output":
    """Open the output at `address`: a folder, or s3://bucket/prefix; empty: TINYVIDEO_STORAGE.

    Settings are read from the environment, and from `.env`, as the command line reads them:
    TINYVIDEO_CATALOG for a catalog elsewhere, TINYVIDEO_WORK for the work folder of an output on
    S3, the keys of S3. Nothing is read or made yet: an output that is not there is made by the
    first `add` or `run`.

    Raises:
        ExpectedError: the address, or a setting, cannot be used.
    """
    return Output(output_at(address))


class Output:
    """What `tinyvideo run` makes of videos; `tinyvideo.open` gives one."""

    def __init__(self, place: OutputAddress) -> None:
        self._place = place

    def __repr__(self) -> str:
        return f"tinyvideo.open({self.address!r})"

    @property
    def address(self) -> str:
        """Where it is: an absolute folder, or s3://bucket/prefix."""
        return self._place.address

    def books(self) -> dict[str, Any]:
        """Count what became of every video and every clip, as `tinyvideo status --json`.

        `found` equals `sharded` plus `rejected` by reason, `failed` by cause and `pending`; where
        it does not, `balanced` is false and `problems` says why.

        Raises:
            ExpectedError: there is no catalog, or it cannot be read.
        """
        return read_books(self._place)

    @property
    def shards(self) -> list[str]:
        """Names of the committed Parquet files, for DuckDB, pandas, pyarrow: paths, or s3://...

        Raises:
            ExpectedError: as `books`.
        """
        store = self._place.open_store()
        return [store.name(key) for key in self._keys()]

    def strips(
        self, columns: Sequence[str] | None = None, *, frames: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield one dictionary per strip, in the order of the shards.

        Args:
            columns: Names of the schema's columns; None: all but the picture. `to_first` comes as
                an array (32, 3, 3). `jpeg` is the picture as it is stored, 240 kB.
            frames: Add `frames`, the picture decoded: (32, size, size, 3) uint8 in RGB; 4 ms.

        Raises:
            ValueError: there is no such column; at once.
            ExpectedError: there is no catalog, or a shard cannot be read.
        """
        wanted = [n for n in SCHEMA.names if n != PICTURE] if columns is None else list(columns)
        for name in wanted:
            if name not in SCHEMA.names:
                raise ValueError(f"strips have no column {name!r}; {', '.join(SCHEMA.names)}")
        read = list(dict.fromkeys([*wanted, *([PICTURE] if frames else [])]))
        return self._rows(read, wanted, frames=frames)

    def add(self, records: Iterable[VideoRecord], *, any_license: bool = False) -> int:
        """Enter videos of a source of your own; return how many the catalog did not know.

        They are fetched and stabilized by the next `run`. The rules are those of every source: a
        video that was taken down or is blocked, by its id or its owner, is entered as rejected; so
        is one whose `license_url` allows no derivatives, unless `any_license`. Whoever enters a
        record without a `license_url` answers for the rights. A takedown finds a video under
        its name at its source if `video_id` is `SOURCE-NAME`.

        Raises:
            ValueError: an id or address cannot be used; what came before it may be entered.
            ExpectedError: the catalog cannot be used.
        """
        with self._place.shared(make=True) as output:
            return output.catalog.add(checked_records(records, any_license=any_license))

    def run(
        self,
        folder: str | Path | None = None,
        *,
        workers: int | None = None,
        size: int | None = None,
        config: str | Path | None = None,
        retry_failed: bool = False,
        any_license: bool = False,
    ) -> dict[str, Any]:
        """Do what `tinyvideo run --out ADDRESS` does, until nothing is left; return the books.

        Videos that wait in the catalog are fetched, stabilized and written to shards, and those of
        `folder` first entered, if one is given. It goes on where an earlier run was stopped. It
        runs in a process of its own, and Ctrl-C ends both.

        Args:
            folder: Videos of this machine to work on besides.
            workers: Processes; None: TINYVIDEO_WORKERS, or one per core.
            size: Width and height of a strip's frames; None: as in `config`, or 128.
            config: File of thresholds, as `tinyvideo config` prints it; an output has one size
                and one set of thresholds.
            retry_failed: Try videos again that failed before.
            any_license: Take films of every license, also where it forbids derivatives.

        Raises:
            ExpectedError: it has failed; the text is the command's.
        """
        return run_command(
            self.address,
            {
                "folder": None if folder is None else str(Path(folder).expanduser().absolute()),
                "workers": workers,
                "size": size,
                "config": None if config is None else str(Path(config).expanduser().absolute()),
                "retry_failed": retry_failed,
                "any_license": any_license,
            },
        )

    def datasets(self) -> list[str]:
        """List the names of the datasets that were built of the strips.

        Raises:
            ExpectedError: the storage cannot be read.
        """
        return list_datasets(self._place.open_store())

    def dataset(self, name: str, revision: int | None = None) -> Dataset:
        """Open a dataset by its name: the latest revision, or another one.

        Raises:
            ExpectedError: there is none of that name, or it cannot be read.
        """
        return Dataset(self._place, read_manifest(self._place.open_store(), name, revision))

    def build_dataset(
        self,
        name: str,
        *,
        preset: str = "unfiltered",
        strips: Collection[str] | None = None,
        where: Callable[[Mapping[str, Any]], bool] | None = None,
        columns: Sequence[str] = (),
        **query: Any,
    ) -> Dataset:
        """Choose strips of all committed shards, split by owner, as a new revision of a dataset.

        Where nothing has changed since the latest revision, that one is returned. The manifest
        records the whole query; of an own choice it records by what strips were taken, how many,
        and the SHA-256 of their sorted ids.

        Args:
            name: What the dataset is to be called.
            preset: `beach`, `golf`, `train_station`, `hospital` or `unfiltered`.
            strips: Take only strips of these `strip_id`s.
            where: Take only strips for which this returns true; it gets the `columns` of one
                strip, as a dictionary. The manifest names the function, so give it a good name.
            columns: What `where` looks at.
            query: Fields of the query, in place of the preset's: `scenes`, `min_probability`,
                `max_flicker`, `min_motion`, `licenses`, `max_per_owner`, `validation`, `test`, ...

        Raises:
            ValueError: there is no such preset, field or column, or a value is out of range.
            ExpectedError: there is no shard, no strip fits, one of `strips` is in no shard, or a
                takedown is not finished.
        """
        config, own = _query(preset, query), _own_choice(strips, where, columns)
        with self._place.open() as output:
            manifest = build_committed(output, name, config, own=own)
            write_output_card(output)
        return Dataset(self._place, manifest)

    def _keys(self) -> list[str]:
        with self._place.open() as output:
            return [shard.key for shard in output.catalog.shards(committed=True)]

    def _rows(
        self, read: Sequence[str], wanted: Sequence[str], *, frames: bool
    ) -> Iterator[dict[str, Any]]:
        store = self._place.open_store()
        for key in self._keys():
            for row in iterate_rows(ShardFile(store, key), read):
                picture = decode_strip(row[PICTURE]) if frames else None
                found = {name: row[name] for name in wanted}
                if "to_first" in found:
                    found["to_first"] = np.reshape(found["to_first"], (STRIP_FRAMES, 3, 3))
                if picture is not None:
                    found["frames"] = picture
                yield found


def _query(preset: str, query: Mapping[str, Any]) -> DatasetConfig:
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    known = {field.name for field in fields(DatasetConfig)}
    for name in query:
        if name not in known:
            raise ValueError(f"a query has no field {name!r}; {', '.join(sorted(known))}")
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in query.items()}
    return DatasetConfig(**{**asdict(PRESETS[preset]), **given})


def _own_choice(
    strips: Collection[str] | None,
    where: Callable[[Mapping[str, Any]], bool] | None,
    columns: Sequence[str],
) -> OwnChoice | None:
    if strips is not None and where is not None:
        raise ValueError("choose by strips or by where, not by both")
    if strips is not None:
        return OwnChoice.of_ids(strips)
    return None if where is None else OwnChoice.by(where, columns)
