"""Find videos for the catalog, and fetch their films, within the budget of each host.

bad_lines      Bad lines of a list: counted, and named by number in a file beside the catalog
check_rights   Ask Flickr about videos that are in shards: are they there still, and under
               which license?
crawl_sources  Find videos and enter them in the catalog: from folders, lists, buckets, and by
               searching Flickr
fetch_films    Films from elsewhere, fetched in threads while others are stabilized
host_budget    The request budget of an output: what each host permits, shared by all who work
               for it
"""

from tinyvideo.flows.sources.check_rights import check_fetched
from tinyvideo.flows.sources.crawl_sources import (
    Finding,
    check_sources,
    find_videos,
    flickr_beside,
    flickr_of,
    require_key,
)
from tinyvideo.flows.sources.fetch_films import Fetching, check_settings, fetching, is_elsewhere
from tinyvideo.flows.sources.host_budget import shared_budget

__all__ = [
    "Fetching",
    "Finding",
    "check_fetched",
    "check_settings",
    "check_sources",
    "fetching",
    "find_videos",
    "flickr_beside",
    "flickr_of",
    "is_elsewhere",
    "require_key",
    "shared_budget",
]
