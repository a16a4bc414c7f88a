"""Our own clients, set up to meet the imitation fast."""

from pathlib import Path

from flows.imitation.api import LICENSE_TABLE
from flows.imitation.population import Video
from flows.imitation.server import KEY, SECRET, Imitation
from pipeline.budget import Host
from pipeline.download import DownloadConfig, Film, Sources, download
from pipeline.flickr import FlickrClient
from pipeline.pace import Limit
from pipeline.types import VideoRecord
from pipeline.web import open_session
from pipeline.ytdlp import Fetcher
from storage.budget import LocalAccounts, PacedBudget

ALLOWED = frozenset({1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 14, 15})
"""Numbers of the licenses that allow derivatives."""


def fast_budget() -> PacedBudget:
    limit = Limit(rate=1_000, guard_s=0, first_pause_s=0.01, max_pause_s=0.05)
    return PacedBudget(accounts=LocalAccounts(), limits=dict.fromkeys(Host, limit))


def licenses(number: str) -> tuple[str, str] | None:
    named = {str(row[0]): row[1:] for row in LICENSE_TABLE if row[0] in ALLOWED}
    return named.get(number)


def sources_for(imitation: Imitation, timeout_s: float = 1, **fetching: object) -> Sources:
    budget, authority = fast_budget(), str(imitation.authority)
    return Sources(
        fetcher=Fetcher(budget=budget, timeout_s=timeout_s, trust_environment=True, **fetching),
        api=FlickrClient(KEY, SECRET, budget, open_session(authority), timeout_s),
        licenses=licenses,
        session=open_session(authority),
    )


def record_of(video: Video) -> VideoRecord:
    return VideoRecord(
        video_id=f"flickr-{video.photo_id}",
        source="flickr",
        uri=f"flickr:{video.photo_id}",
        owner=video.owner,
        license_id=str(video.license),
        secret=video.secret,
    )


def fetch(video: Video, folder: Path, sources: Sources, **config: object) -> Film:
    return download(record_of(video), folder, sources, DownloadConfig(**config))
