"""Films that lie in a bucket, or were fetched and wait on this disk.

fetched_films  Source films on this machine: fetched, checked, and waiting to be curated
parquet_list   The rows of a list of addresses that is a Parquet file: the columns that a list may
               have
source_bucket  Find and bring objects of any bucket: source videos, not our own shards
"""

from tinyvideo.storage.films.fetched_films import RawFolder
from tinyvideo.storage.films.parquet_list import is_parquet, read_parquet_rows
from tinyvideo.storage.films.source_bucket import check_bucket, get_object, list_videos

__all__ = [
    "RawFolder",
    "check_bucket",
    "get_object",
    "is_parquet",
    "list_videos",
    "read_parquet_rows",
]
