"""Find videos: each source yields records of videos, and opens none of them.

crowded_second  One second in which more was uploaded than a page shows: all its pages, from
              both ends
flickr_query  A search on Flickr: what is asked for, how a call says it, and what a result says of
              a video
flickr_walk   What a walk through a search asks, in calls to Flickr; and which licenses Flickr
              knows
folders       Find videos: each source is a function that returns `Iterator[VideoRecord]`
list_rows     The lines of a list, whatever it is written in: text, JSON or CSV, in UTF-8, 16 or
              32
lists         Videos from a list: a file with an address per line, a JSON object per line, or CSV
own_source    Videos from a source of somebody's own: their records, held to what ours promise
recapture     How many videos a search is likely to have that were never seen, by capture and
              recapture
search_walk   Walk through everything that a search has, by time of upload, in few calls, and
              prove it
search_windows  What a walk through a search asks for, gets and tells: spans, pages, windows, and
              doubts
window_views  What several answers have shown of one span, and whether they agree
words         Words to search for: the most frequent ones of a language, and what is popular on
              Flickr now
yfcc          The videos of YFCC100M, out of its metadata: text of 23 or 25 columns, packed or
              not, or SQLite
"""

from tinyvideo.pipeline.find.flickr_query import Query, least_calls
from tinyvideo.pipeline.find.flickr_walk import read_licenses, search_with, walk_config
from tinyvideo.pipeline.find.folders import VIDEO_SUFFIXES, path_of, scan_folder
from tinyvideo.pipeline.find.list_rows import Bad, read_lines, read_words
from tinyvideo.pipeline.find.lists import list_videos_of, listed_video, read_list
from tinyvideo.pipeline.find.own_source import checked_records
from tinyvideo.pipeline.find.recapture import Estimate, likely_missing
from tinyvideo.pipeline.find.search_walk import walk
from tinyvideo.pipeline.find.search_windows import (
    Doubt,
    Page,
    Span,
    WalkConfig,
    Wanted,
    Window,
    subtract,
)
from tinyvideo.pipeline.find.words import frequent_words, hot_tags
from tinyvideo.pipeline.find.yfcc import read_yfcc100m

__all__ = [
    "VIDEO_SUFFIXES",
    "Bad",
    "Doubt",
    "Estimate",
    "Page",
    "Query",
    "Span",
    "WalkConfig",
    "Wanted",
    "Window",
    "checked_records",
    "frequent_words",
    "hot_tags",
    "least_calls",
    "likely_missing",
    "list_videos_of",
    "listed_video",
    "path_of",
    "read_licenses",
    "read_lines",
    "read_list",
    "read_words",
    "read_yfcc100m",
    "scan_folder",
    "search_with",
    "subtract",
    "walk",
    "walk_config",
]
