"""Find videos: each source yields records of videos, and opens none of them.

flickr_query  A search on Flickr: what is asked for, how a call says it, and what a result says of
              a video
flickr_walk   What a walk through a search asks, in calls to Flickr; and which licenses Flickr
              knows
folders       Find videos: each source is a function that returns `Iterator[VideoRecord]`
lists         Videos from a list: a file with an address per line, or a JSON object per line
own_source    Videos from a source of somebody's own: their records, held to what ours promise
search_walk   Walk through everything that a search has, by time of upload, in the fewest calls,
              and prove it
words         Words to search for: the most frequent ones of a language, and what is popular on
              Flickr now
yfcc          The videos of YFCC100M, out of its metadata: text of 23 or 25 columns, packed or
              not, or SQLite
"""

from tinyvideo.pipeline.find.flickr_query import Query
from tinyvideo.pipeline.find.flickr_walk import read_licenses, search_with, walk_config
from tinyvideo.pipeline.find.folders import VIDEO_SUFFIXES, path_of, scan_folder
from tinyvideo.pipeline.find.lists import listed_video, read_list
from tinyvideo.pipeline.find.own_source import checked_records
from tinyvideo.pipeline.find.search_walk import Span, Wanted, Window, subtract, walk
from tinyvideo.pipeline.find.words import frequent_words, hot_tags
from tinyvideo.pipeline.find.yfcc import read_yfcc100m

__all__ = [
    "VIDEO_SUFFIXES",
    "Query",
    "Span",
    "Wanted",
    "Window",
    "checked_records",
    "frequent_words",
    "hot_tags",
    "listed_video",
    "path_of",
    "read_licenses",
    "read_list",
    "read_yfcc100m",
    "scan_folder",
    "search_with",
    "subtract",
    "walk",
    "walk_config",
]
