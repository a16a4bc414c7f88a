"""What a crawl has to find, and how it has to end with each video, from the population alone.

Cost: that of one search.
"""

from collections.abc import Collection, Mapping, Sequence

from tinyvideo.flows.imitation.film_files import FILMS
from tinyvideo.flows.imitation.population import Fate, Population, Video
from tinyvideo.flows.imitation.search_answers import find

ENDS = {
    Fate.DELETED: ("rejected", "gone"),
    Fate.PRIVATE: ("rejected", "gone"),
    Fate.RELICENSED: ("rejected", "not_allowed_license"),
    Fate.LOCKED: ("rejected", "not_permitted"),
    Fate.RETIRED: ("rejected", "no_rendition"),
    Fate.TEXT: ("failed", "html_body"),
}
"""State and reason in which a video ends that cannot be had."""

DRAWN = {0: ("rejected", "flat"), 1: ("rejected", "too_short")}
"""The same for films that give no strip; all others do."""


def findable_videos(population: Population, licenses: Collection[str]) -> Sequence[Video]:
    """List what a crawl of everything finds that takes only videos under these licenses."""
    return find(population, {"media": "videos", "license": ",".join(licenses)})


def end_of(video: Video) -> tuple[str, str]:
    """Say in which state a video has to end, and for which reason."""
    return ENDS.get(video.fate) or DRAWN.get(video.photo_id % FILMS, ("sharded", ""))


def wrong_ends(
    videos: Sequence[Video], ends: Mapping[int, tuple[str, str]]
) -> dict[int, tuple[tuple[str, str], tuple[str, str]]]:
    """List the videos that have ended otherwise than they had to: how they did, and should have."""
    pairs = {video.photo_id: (ends.get(video.photo_id), end_of(video)) for video in videos}
    return {i: (is_, due) for i, (is_, due) in pairs.items() if is_ is not None and is_ != due}
