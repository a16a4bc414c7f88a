"""Strips that somebody takes by a rule of their own: a list of ids, or a predicate on columns.

The choice goes beside the query: a strip is taken that fits both. What the manifest records of it
says as much as can be known of somebody's program: by what the strips were taken, of how many of
those that fit the query, and the SHA-256 of their ids, so that two choices can be told apart and
the same one be recognized. Which rows it came to is in the pieces, as ever. The predicate itself is
not kept.

Cost: 70 bytes per strip that is taken, while the dataset is built; 1 us per strip, and with a
predicate of two columns 1 us more and its own time.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tinyvideo.storage.shards import PICTURE, SCHEMA
from tinyvideo.storage.storage_errors import StorageError

STRIP_ID = "strip_id"

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]
"""Is given the columns of one strip by name; tells whether to take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChoice:
    """Make one by `of_ids` or `by`; it may serve for any number of builds."""

    name: str
    """By what strips are taken, for the manifest."""

    columns: tuple[str, ...]
    ids: frozenset[str] | None = None
    predicate: Predicate | None = None

    @classmethod
    def of_ids(cls, ids: Collection[str]) -> "OwnChoice":
        """Take the strips of these ids.

        Raises:
            ValueError: it is one text, where a list of them is meant.
        """
        if isinstance(ids, str):
            raise ValueError(f"strips are a list of ids, got the text {ids!r}")
        return cls(name="list of strip ids", columns=(), ids=frozenset(ids))

    @classmethod
    def by(cls, predicate: Predicate, columns: Sequence[str]) -> "OwnChoice":
        """Take the strips for which `predicate` is true; it sees `columns` and no others.

        Raises:
            ValueError: a column is none of a shard's, or is the picture, which is never read.
        """
        known = [name for name in SCHEMA.names if name != PICTURE]
        strange = [name for name in columns if name not in known]
        if isinstance(columns, str) or strange or not columns:
            raise ValueError(
                f"columns that a choice can look at are some of {', '.join(known)}; got {columns!r}"
            )
        name = getattr(predicate, "__qualname__", type(predicate).__qualname__)
        module = getattr(predicate, "__module__", "")
        return cls(name=f"{module}.{name}", columns=tuple(columns), predicate=predicate)


class Taking:
    """One pass of a choice over all shards; many threads may ask, the predicate is one's at a time.

    Without a choice it takes everything, and has nothing to record.
    """

    def __init__(self, choice: OwnChoice | None) -> None:
        self._choice = choice
        self._taken: list[str] = []
        self._seen: set[str] = set()
        self._ids = pa.array(sorted((choice and choice.ids) or ()), pa.string())
        self._lock = Lock()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it needs of every strip."""
        return (STRIP_ID, *self._choice.columns) if self._choice else ()

    def take(self, table: pa.Table, fits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Tell which rows of a table are taken, of those that fit the query; both (N,)."""
        if self._choice is None:
            return fits
        with self._lock:
            taken = fits & self._wanted(self._choice, table, fits)
            self._taken += table[STRIP_ID].filter(pa.array(taken)).to_pylist()
        return taken

    def record(self) -> dict[str, Any]:
        """Say what was taken, for the manifest; nothing without a choice.

        Raises:
            StorageError: an id that was asked for is in no shard.
        """
        if self._choice is None:
            return {}
        missing = sorted((self._choice.ids or frozenset()) - self._seen)
        if missing:
            raise StorageError(
                f"{len(missing)} of the {len(self._choice.ids or ())} strips asked for are in no "
                f"shard, the first of them is {missing[0]!r}; leave them out"
            )
        listed = "\n".join(sorted(self._taken)).encode()
        return {
            "own_choice": {
                "by": self._choice.name,
                "columns": list(self._choice.columns),
                "strips": len(self._taken),
                "sha256": hashlib.sha256(listed).hexdigest(),
            }
        }

    def _wanted(
        self, choice: OwnChoice, table: pa.Table, fits: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        if choice.ids is not None:
            wanted = pc.is_in(table[STRIP_ID], self._ids)
            self._seen.update(table[STRIP_ID].filter(wanted).to_pylist())
            return np.asarray(wanted.to_numpy(), np.bool_)
        found = np.zeros(len(table), np.bool_)
        if choice.predicate is not None:
            rows = table.select(list(dict.fromkeys(choice.columns))).filter(pa.array(fits))
            found[fits] = [bool(choice.predicate(row)) for row in rows.to_pylist()]
        return found
