"""Thresholds as a user's file has them: tables of values <-> `CurationConfig`.

field_sentences   The sentence under each field of a configuration, from its source
threshold_file    A configuration -> TOML with a sentence above every value, and back to tables
threshold_tables  Tables of values, as a file or a flow parameter has them <-> a configuration
"""

from tinyvideo.pipeline.thresholds.field_sentences import sentences_of
from tinyvideo.pipeline.thresholds.threshold_file import read_toml, write_toml
from tinyvideo.pipeline.thresholds.threshold_tables import (
    ThresholdError,
    curation_of,
    list_changes,
    tables_of,
)

__all__ = [
    "ThresholdError",
    "curation_of",
    "list_changes",
    "read_toml",
    "sentences_of",
    "tables_of",
    "write_toml",
]
