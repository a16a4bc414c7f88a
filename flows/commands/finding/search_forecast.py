"""What a search of Flickr would cost, from a small probe: calls, gigabytes, hours.

Each search is asked for its total and its first page; of a list of words, ten that are spread over
it stand for all. Sizes are those of a typical video, since Flickr tells none before it is fetched.

Cost: one call for the licenses, and one per search that is probed.
"""

from datetime import UTC, datetime
from typing import Any

from tinyvideo.flows.search_options import SearchOptions
from tinyvideo.flows.settings import read_settings
from tinyvideo.flows.sources import flickr_beside
from tinyvideo.pipeline.find import Query, Span, Wanted, read_licenses, search_with
from tinyvideo.pipeline.hosts import allowed_numbers

PROBES = 10
"""Searches that are asked; of more, the others are taken to be like them."""

UNSTEADY = 1.2
"""Calls per page, as one page in five has to be asked for again. Measured on the imitation."""

FILM_MB = 6.0
"""Megabytes of a film: 37 s, the mean of YFCC100M, at 1.3 Mbit/s, usual for 360p. An estimate."""

SHARD_BYTES_PER_CLIP = 260_000
CLIPS_PER_VIDEO = 17.5
"""The paper's: 35 million clips of 2 million videos, 9 TB."""


def forecast(search: SearchOptions | None, out: str, *, any_license: bool) -> dict[str, Any]:
    """Probe a search and reckon what the whole would take.

    Raises:
        ServiceError: Flickr refuses us, or does not answer.
        SettingsError: there is no key.
        UnreadableError: the file of words cannot be read.
    """
    if search is None:
        raise ValueError("there is nothing to forecast")
    settings = read_settings()
    search.texts()  # a list that cannot be read is told before anybody is asked
    with flickr_beside(out) as flickr:
        table = read_licenses(flickr)
        queries = search.queries(() if any_license else allowed_numbers(table))
        step = max(1, len(queries) // PROBES)
        probed = queries[::step][:PROBES]
        span = search.span(datetime.now(UTC))
        totals = [search_with(flickr, query, table)(Wanted(span)).total for query in probed]
    videos = round(sum(totals) * len(queries) / max(1, len(probed)))
    return _reckon(videos, queries, span, settings.api_rate, settings.media_rate)


def _reckon(
    videos: int, queries: list[Query], span: Span, api_rate: float, media_rate: float
) -> dict[str, Any]:
    per_page = queries[0].per_page if queries else 1
    pages = max(len(queries), -(-videos // per_page))
    search_calls = round(UNSTEADY * pages)
    fetch_calls = 2 * videos  # which files there are, and whose the video is now
    return {
        "videos": videos,
        "searches": len(queries),
        "days": round((span.until - span.since + 1) / 86_400),
        "search calls": search_calls,
        "search hours": round(search_calls / api_rate / 3600, 1),
        "fetch calls": fetch_calls,
        "fetch hours": round(max(fetch_calls / api_rate, videos / media_rate) / 3600, 1),
        "fetched GB": round(videos * FILM_MB / 1000, 1),
        "shard GB": round(videos * CLIPS_PER_VIDEO * SHARD_BYTES_PER_CLIP / 1e9, 1),
    }
