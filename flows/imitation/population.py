"""Who uploaded what and when: a population of videos that depends on nothing but its seed.

Uploads spread over the days with a daily rhythm; a share of them comes in a burst within one hour,
as after a concert. Licenses, tags and owners are unevenly popular. Some videos are still found by
the search when they are already deleted, private or under another license: that is their fate, and
it says how a crawl has to end with them.

Cost: 0.6 s for 50,000 videos; all of them are in memory.
"""

import random
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import accumulate

# fmt: off
WORDS = (
    "beach", "sea", "wave", "sun", "sand", "golf", "green", "ball", "train", "station", "rail",
    "baby", "hospital", "smile", "city", "street", "night", "light", "river", "bridge", "dog",
    "cat", "horse", "bird", "garden", "flower", "snow", "ice", "mountain", "lake", "boat", "car",
    "bike", "dance", "music", "concert", "party", "wedding", "school", "summer", "winter", "spring",
    "rain", "cloud", "sky", "tree", "forest", "desert", "market", "church", "museum", "castle",
    "harbor", "island", "football", "surf", "skate", "ski", "balloon", "kite", "fire",
)
# fmt: on
"""What videos are called and tagged with; the first ones are the most popular."""

EVERY = "video"
"""A tag that every upload bears, to search for everything."""

LICENSES = {0: 40, 1: 12, 2: 6, 3: 10, 4: 14, 5: 9, 6: 4, 7: 1, 8: 1, 9: 1, 10: 1, 16: 1}
"""Flickr's numbers of licenses, and how many of a hundred videos have each. Ours."""

FATES = {"deleted": 20, "private": 20, "relicensed": 20, "locked": 10, "retired": 10, "text": 10}
"""Of a thousand videos, how many meet each fate. Ours."""

NEW_LICENSE = 0
"""What the owner of a relicensed video chose: all rights reserved."""

FIRST_ID = 11_000_000_000
DAY_S, HOUR_S = 86_400, 3_600


class Fate(StrEnum):
    """What a crawler finds that comes for a video which the search has named."""

    WELL = "well"
    """It is there."""

    DELETED = "deleted"
    PRIVATE = "private"
    """Both are unknown to the API when they are asked for: code 1."""

    RELICENSED = "relicensed"
    """Its owner has reserved all rights meanwhile."""

    LOCKED = "locked"
    """Its owner does not let anybody have the file: code 2."""

    RETIRED = "retired"
    """Its only rendition is one that the media host does not serve any more."""

    TEXT = "text"
    """Its file is a web page, whenever it is asked for."""


@dataclass(frozen=True, slots=True)
class Video:
    """One upload."""

    photo_id: int
    posted: int
    """Seconds since 1970."""

    owner: str
    """NSID, as `1000003@N07`."""

    license: int
    tags: tuple[str, ...]
    title: str
    fate: Fate
    public: bool
    """Else the search never names it."""

    safe: bool
    is_video: bool
    """Else it is a photo."""

    place: tuple[float, float] | None
    """Latitude and longitude in degrees."""

    @property
    def secret(self) -> str:
        """Ten hexadecimal digits, as Flickr has in addresses."""
        return f"{self.photo_id * 0x9E3779B97F4A7C15 % (1 << 40):010x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationConfig:
    videos: int = 50_000
    """How many there are; photos come on top."""

    seed: int = 0
    since: int = 1_388_534_400
    until: int = 1_451_606_400
    """First and last second of upload: the years 2014 and 2015, UTC."""

    burst_share: float = 0.1
    """Of the videos, uploaded within one hour in the middle."""

    photo_share: float = 0.02
    """Photos per video, to be told apart by `media`."""

    hidden_share: float = 0.02
    """Of the videos, never shown to strangers; as many again are not safe."""

    unsteady: bool = True
    """Videos meet the fates above; else all are well."""


class Population:
    """All uploads, ordered by time and id."""

    def __init__(self, config: PopulationConfig) -> None:
        self.config = config
        self.videos: Sequence[Video] = tuple(_draw(config))
        self.by_id = {video.photo_id: video for video in self.videos}

    @cached_property
    def times(self) -> Sequence[int]:
        """When each was uploaded."""
        return [video.posted for video in self.videos]

    @cached_property
    def by_word(self) -> dict[str, Sequence[int]]:
        """Positions of the uploads that bear a word as a tag."""
        positions: dict[str, list[int]] = defaultdict(list)
        for position, video in enumerate(self.videos):
            for tag in video.tags:
                positions[tag].append(position)
        return dict(positions)

    @cached_property
    def by_owner(self) -> dict[str, Sequence[int]]:
        """Positions of what each owner uploaded."""
        positions: dict[str, list[int]] = defaultdict(list)
        for position, video in enumerate(self.videos):
            positions[video.owner].append(position)
        return dict(positions)

    def between(self, positions: Sequence[int], since: int, until: int) -> Sequence[int]:
        """Cut sorted positions to those uploaded from `since` to `until`, both included."""
        first, last = bisect_left(self.times, since), bisect_left(self.times, until + 1)
        return positions[bisect_left(positions, first) : bisect_left(positions, last)]

    def fates(self, photo_ids: Iterable[int]) -> Counter[Fate]:
        """Count the fates of some uploads."""
        return Counter(self.by_id[photo_id].fate for photo_id in photo_ids)


def _draw(config: PopulationConfig) -> Iterable[Video]:
    random_ = random.Random(config.seed)
    owners = max(1, config.videos // 25)
    total = config.videos + round(config.videos * config.photo_share)
    times = sorted(_times(config, total, random_))
    licenses, license_weights = list(LICENSES), list(accumulate(LICENSES.values()))
    word_weights = list(accumulate(1 / (rank + 2) for rank in range(len(WORDS))))
    photos = set(random_.sample(range(total), total - config.videos))
    fates, fate_weights = _fates(config)
    photo_id = FIRST_ID
    for position, posted in enumerate(times):
        photo_id += random_.randrange(1, 5_000)
        words = random_.choices(WORDS, cum_weights=word_weights, k=random_.randrange(1, 5))
        # The square makes a few owners upload much more than the others.
        owner = int(random_.random() ** 2 * owners)
        place = (random_.uniform(-60, 70), random_.uniform(-180, 180))
        yield Video(
            photo_id=photo_id,
            posted=posted,
            owner=f"{1_000_000 + owner}@N{owner % 90:02d}",
            license=random_.choices(licenses, cum_weights=license_weights)[0],
            tags=tuple(dict.fromkeys((EVERY, *words))),
            title=f"{words[0].title()} {random_.choice(WORDS)} {position}",
            fate=random_.choices(fates, cum_weights=fate_weights)[0],
            public=random_.random() >= config.hidden_share,
            safe=random_.random() >= config.hidden_share,
            is_video=position not in photos,
            place=place if random_.random() < 0.2 else None,
        )


def _times(config: PopulationConfig, total: int, random_: random.Random) -> Iterable[int]:
    burst = round(total * config.burst_share)
    middle = (config.since + config.until) // 2
    for _ in range(burst):
        yield min(config.until, middle + random_.randrange(HOUR_S))
    days = max(1, (config.until - config.since + 1) // DAY_S)
    for _ in range(total - burst):
        hour = random_.triangular(0, 24, 19)  # most people upload in the evening
        moment = config.since + random_.randrange(days) * DAY_S + int(hour * HOUR_S)
        yield min(config.until, moment)


def _fates(config: PopulationConfig) -> tuple[list[Fate], list[int]]:
    if not config.unsteady:
        return [Fate.WELL], [1]
    shares = {Fate.WELL: 1000 - sum(FATES.values())} | {Fate(k): n for k, n in FATES.items()}
    return list(shares), list(accumulate(shares.values()))
