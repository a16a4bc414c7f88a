"""The released dataset of 2016 in, and the formats of others out.

archive_order    Which strips an archive holds of each video, and the strips of videos that are
                 not yet whole
export           Shards -> the formats of others: the released dataset's, WebDataset, MP4, the
                 Hub's
export_target    Where an export goes: an empty folder, or an empty prefix of S3; each file
                 appears whole
hub_card         The card of a dataset, README.md, as the Hub of Hugging Face reads it: also from
                 a disk or S3
import_released  The released dataset -> shards: each photo id is a video, and the books know it
resized          A dataset at another size: rows with larger pictures, and the same dataset made
                 of them
released_format  The released dataset as it is laid out: a tarball of JPEG strips, and a list of
                 their names
"""

from tinyvideo.storage.exchange.export import (
    CUT,
    FORMATS,
    WITHOUT_PATHS,
    Part,
    export_parts,
    rows_of_shards,
    rows_of_split,
)
from tinyvideo.storage.exchange.hub_card import write_output_card
from tinyvideo.storage.exchange.import_released import ImportCounts, Importer, judge
from tinyvideo.storage.exchange.released_format import read_list
from tinyvideo.storage.exchange.resized import resized_row, rows_by_video, same_dataset

__all__ = [
    "CUT",
    "FORMATS",
    "WITHOUT_PATHS",
    "ImportCounts",
    "Importer",
    "Part",
    "export_parts",
    "judge",
    "read_list",
    "resized_row",
    "rows_by_video",
    "rows_of_shards",
    "rows_of_split",
    "same_dataset",
    "write_output_card",
]
