"""Shards -> a named choice of strips, split without leaks, as revisions.

committed_build  A dataset of all shards that an output has committed, beside takedowns and
                 repairs
dataset_draft    Shards -> a named training set: which rows of which shards, split without leaks
dataset_lineage  Which datasets, and which of their revisions, were made of some videos
dataset_survey   Read what a dataset's rows say of themselves: owners, groups, classifiers, and
                 leaks
manifest         The manifest of a dataset: what it holds, and the list of its pieces beside it
near_duplicates  Which strips of all shards show nearly the same, by their hashes
own_choice       Strips that somebody takes by a rule of their own: a list of ids, or a predicate
                 on columns
revise           A takedown's part in datasets: new revisions without what is gone
row_selection    Which rows of which row groups: the compact list that a dataset consists of
select_rows      Shards -> the rows that fit a query, as arrays, one shard open at a time
splits           Who goes to which split: no owner, and no group of near duplicates, is on two
                 sides
strip_query      What a dataset is made of: the query, and which rows of a table of strips it
                 takes
write_lock       Datasets are written, and strips taken out of shards, by turns
"""

from tinyvideo.storage.datasets.committed_build import build_committed, committed_shards
from tinyvideo.storage.datasets.dataset_lineage import find_lineage
from tinyvideo.storage.datasets.dataset_survey import find_problems, iterate_chosen, survey
from tinyvideo.storage.datasets.manifest import (
    Manifest,
    list_datasets,
    list_revisions,
    read_manifest,
    read_selection,
    write_manifest,
)
from tinyvideo.storage.datasets.own_choice import OwnChoice, Predicate
from tinyvideo.storage.datasets.revise import ShardChange, in_new_revision, replace_shards
from tinyvideo.storage.datasets.row_selection import SPLITS, RowSelection
from tinyvideo.storage.datasets.row_selection import pack as pack_rows
from tinyvideo.storage.datasets.strip_query import PRESETS, DatasetConfig
from tinyvideo.storage.datasets.write_lock import dataset_lock

__all__ = [
    "PRESETS",
    "SPLITS",
    "DatasetConfig",
    "Manifest",
    "OwnChoice",
    "Predicate",
    "RowSelection",
    "ShardChange",
    "build_committed",
    "committed_shards",
    "dataset_lock",
    "find_lineage",
    "find_problems",
    "in_new_revision",
    "iterate_chosen",
    "list_datasets",
    "list_revisions",
    "pack_rows",
    "read_manifest",
    "read_selection",
    "replace_shards",
    "survey",
    "write_manifest",
]
