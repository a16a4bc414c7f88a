"""What the strips of an output are made with: one configuration, which its catalog remembers.

The first run enters the hash of all values, which every row bears, and the values themselves. Later
runs must have the same: otherwise it is said in which values they differ. Outputs of tinyvideo 0.2
and before remember the hash alone, and the values from their next run on.

Cost: two rows of the catalog, 3 kB.
"""

import json
from typing import Any

from tinyvideo.flows.settings import config_hash
from tinyvideo.pipeline.curation import DEFAULT_CONFIG, CurationConfig
from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.pipeline.thresholds import curation_of, list_changes, tables_of
from tinyvideo.storage.catalog import Catalog
from tinyvideo.storage.database import CONFIG_HASH, CONFIG_VALUES
from tinyvideo.storage.storage_errors import StorageError

OTHERS = "the thresholds of this output are those of another version of tinyvideo"

MOST_NAMED = 3
"""Values that are named where an output differs. Ours: one sentence holds no more."""


def enter_config(catalog: Catalog, config: CurationConfig) -> str:
    """Enter what an output is made with, if nobody has; say how that differs from `config`.

    Returns "" where it does not.
    """
    named = config_hash(config)
    before = catalog.fact(CONFIG_HASH, named)
    if before == named:
        catalog.fact(CONFIG_VALUES, json.dumps(tables_of(config)))
        return ""
    return f"configuration {before}, now it is {named}{_changes(catalog, config)}"


def remembered_config(catalog: Catalog) -> CurationConfig:
    """Read what an output is made with.

    Raises:
        StorageError: it does not say, or another version has said it, in other names.
    """
    tables = _remembered(catalog)
    if tables is None:
        raise StorageError(
            "this output remembers no thresholds: no run of this version has worked on it yet"
        )
    try:
        config = curation_of(tables)
    except ValueError as error:
        raise StorageError(f"{OTHERS}: {error}") from error
    if config_hash(config) != catalog.known_fact(CONFIG_HASH):
        raise StorageError(f"{OTHERS}, which has other ones")
    return config


def config_in_force(catalog: Catalog) -> CurationConfig:
    """Read what an output is made with; today's values where it does not say, or not to us."""
    try:
        return remembered_config(catalog)
    except StorageError:
        return DEFAULT_CONFIG


def _remembered(catalog: Catalog) -> dict[str, Any] | None:
    text = catalog.known_fact(CONFIG_VALUES)
    try:
        tables: dict[str, Any] | None = None if text is None else parse_json(text)
    except ValueError as error:
        raise StorageError(
            f"the catalog does not say what the output is made with: {error}; it is damaged: put "
            "back a copy of it"
        ) from error
    return tables


def _changes(catalog: Catalog, config: CurationConfig) -> str:
    before = _remembered(catalog)
    changes = [] if before is None else list_changes(before, tables_of(config))
    if len(changes) > MOST_NAMED:
        changes[MOST_NAMED:] = [f"{len(changes) - MOST_NAMED} more"]
    return f" ({'; '.join(changes)})" if changes else ""
