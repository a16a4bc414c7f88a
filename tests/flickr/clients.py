"""Our own clients, set up to meet the imitation fast."""

from pathlib import Path

from tinyvideo.flows.imitation.flickr_server import KEY, SECRET, Imitation
from tinyvideo.flows.imitation.population import Video
from tinyvideo.pipeline.fetch.film_download import DownloadConfig, Sources, download
from tinyvideo.pipeline.fetch.ytdlp import Fetcher
from tinyvideo.pipeline.hosts.flickr_api import flickr_client, open_session
from tinyvideo.pipeline.hosts.pace import Limit
from tinyvideo.pipeline.hosts.request_budget import Host
from tinyvideo.pipeline.types import Film, VideoRecord
from tinyvideo.storage.catalog.request_accounts import LocalAccounts, PacedBudget


def fast_budget() -> PacedBudget:
    limit = Limit(rate=1_000, guard_s=0, first_pause_s=0.01, max_pause_s=0.05)
    return PacedBudget(accounts=LocalAccounts(), limits=dict.fromkeys(Host, limit))


def sources_for(imitation: Imitation, timeout_s: float = 20, **fetching: object) -> Sources:
    budget, authority = fast_budget(), str(imitation.authority)
    return Sources(
        fetcher=Fetcher(budget=budget, timeout_s=timeout_s, trust_environment=True, **fetching),
        api=flickr_client(
            KEY, budget, secret=SECRET, session=open_session("", authority), timeout_s=timeout_s
        ),
        session=open_session("", authority),
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
