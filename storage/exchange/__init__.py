"""The released dataset of 2016 in, and the formats of others out.

archive_order    Which strips an archive holds of each video, and the strips of videos that are
                 not yet whole
export           Shards -> the formats of others: the released dataset's, WebDataset, MP4
import_released  The released dataset -> shards: each photo id is a video, and the books know it
released_format  The released dataset as it is laid out: a tarball of JPEG strips, and a list of
                 their names
"""

from tinyvideo.storage.exchange.export import FORMATS, export_rows, rows_of_dataset, rows_of_shards
from tinyvideo.storage.exchange.import_released import ImportCounts, Importer
from tinyvideo.storage.exchange.released_format import read_list

__all__ = [
    "FORMATS",
    "ImportCounts",
    "Importer",
    "export_rows",
    "read_list",
    "rows_of_dataset",
    "rows_of_shards",
]
