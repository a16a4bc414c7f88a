"""Questions about videos that wait: in which state they are, how often they were tried.

Cost: a query each. Counting by place reads every video that waits: 1 us each.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database import VIDEOS, state_of, transaction

SCHEMES = ("flickr", "https", "http", "s3", "file")
"""Where films are, by the beginning of their addresses."""

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


def count_by_scheme(catalog: Catalog) -> dict[str, int]:
    """Count the pending and leased videos by where they are: flickr, https, http, s3, file.

    What the catalog has in no such place counts as "other".
    """
    named = [(VIDEOS.c.uri.startswith(f"{scheme}:"), scheme) for scheme in SCHEMES]
    scheme = sa.case(*named, else_="other").label("scheme")
    waiting = VIDEOS.c.state.in_([VideoState.PENDING, VideoState.LEASED])
    query = sa.select(scheme, sa.func.count()).where(waiting).group_by(scheme)
    with transaction(catalog.engine, writes=False) as db:
        found = {str(name): int(count) for name, count in db.execute(query)}
    return {name: found[name] for name in (*SCHEMES, "other") if name in found}
