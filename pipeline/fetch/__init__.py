"""A record of a video -> its film on this disk, whole and checked.

film_download  A record of a video -> its film on this disk, whole and checked, or the reason
               why not
probe          Is this file a film, from its first to its last second?
renditions     Which of the files of a Flickr video to take: the smallest that serves
ytdlp          yt-dlp as a library: one address -> one file, and what became of it
"""

from tinyvideo.pipeline.fetch.film_download import (
    DownloadConfig,
    Sources,
    fetch_film,
    find_film,
    rights_of,
)
from tinyvideo.pipeline.fetch.probe import check_film
from tinyvideo.pipeline.fetch.ytdlp import Fetcher, check_options

__all__ = [
    "DownloadConfig",
    "Fetcher",
    "Sources",
    "check_film",
    "check_options",
    "fetch_film",
    "find_film",
    "rights_of",
]
