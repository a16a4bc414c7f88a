"""Films that lie in a bucket, or were fetched and wait on this disk.

fetched_films  Source films on this machine: fetched, checked, and waiting to be curated
source_bucket  Find and bring objects of any bucket: source videos, not our own shards
"""

from tinyvideo.storage.films.fetched_films import RawFolder
from tinyvideo.storage.films.source_bucket import get_object, list_videos

__all__ = [
    "RawFolder",
    "get_object",
    "list_videos",
]
