"""Questions about videos that wait: in which state they are, how often they were tried.

Cost: a query each.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database import VIDEOS, state_of, transaction

_CHUNK = 500
"""Values in one `IN` list; SQLite before 3.32 takes 999 at most."""


def states_of(catalog: Catalog, video_ids: Sequence[str]) -> dict[str, tuple[VideoState, int]]:
    """Say of some videos in which state they are, and how often they were leased."""
    query = sa.select(VIDEOS.c.video_id, VIDEOS.c.state, VIDEOS.c.attempts)
    found: dict[str, tuple[VideoState, int]] = {}
    with transaction(catalog.engine, writes=False) as db:
        for start in range(0, len(video_ids), _CHUNK):
            chunk = query.where(VIDEOS.c.video_id.in_(video_ids[start : start + _CHUNK]))
            found |= {
                row.video_id: (state_of(row.state), row.attempts) for row in db.execute(chunk)
            }
    return found


def count_elsewhere(catalog: Catalog) -> int:
    """Count the pending and leased videos whose films have to be fetched."""
    waiting = VIDEOS.c.state.in_([VideoState.PENDING, VideoState.LEASED])
    query = sa.select(sa.func.count()).where(waiting, ~VIDEOS.c.uri.startswith("file:"))
    with transaction(catalog.engine, writes=False) as db:
        return int(db.scalar(query) or 0)


def count_by_scheme(catalog: Catalog) -> dict[str, int]:
    """Count the pending and leased videos by what has to be asked for them: flickr, https, s3."""
    waiting = VIDEOS.c.state.in_([VideoState.PENDING, VideoState.LEASED])
    found = {}
    with transaction(catalog.engine, writes=False) as db:
        for scheme in ("flickr", "https", "http", "s3"):
            named = VIDEOS.c.uri.startswith(f"{scheme}:")
            query = sa.select(sa.func.count()).where(waiting, named)
            found[scheme] = int(db.scalar(query) or 0)
    return found
