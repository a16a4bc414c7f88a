"""The rows of shards: begun with the videos that they will hold, and committed with them at once.

Cost: a transaction each, of 1.5 to 7 ms.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.database import (
    ACCEPTED,
    CLIPS,
    REWRITES,
    SHARDS,
    VIDEOS,
    CatalogBase,
    ShardRow,
    chunks,
    now,
    transaction,
    update_videos,
)


class ShardRows(CatalogBase):
    """The part of the catalog that knows which strips are in which shard."""

    def curated(self, shard_key: str | None = None) -> dict[str, int]:
        """Count the strips of each curated video, all or those meant for one shard ("": none)."""
        query = (
            sa.select(VIDEOS.c.video_id, sa.func.coalesce(CLIPS.c.count, 0))
            .outerjoin(
                CLIPS, sa.and_(CLIPS.c.video_id == VIDEOS.c.video_id, CLIPS.c.outcome == ACCEPTED)
            )
            .where(VIDEOS.c.state == VideoState.CURATED)
            .order_by(VIDEOS.c.video_id)
        )
        if shard_key is not None:
            query = query.where(VIDEOS.c.shard_key == shard_key)
        with self._read() as db:
            return {video_id: int(count) for video_id, count in db.execute(query)}

    def begin_shard(self, video_ids: Sequence[str]) -> str:
        """Enter a shard that will hold the strips of these curated videos; return its key.

        Raises:
            ValueError: a video is not curated, or is meant for another shard.
        """
        with self._write() as db:
            number = int(db.scalar(sa.select(sa.func.max(SHARDS.c.number))) or 0) + 1
            key = f"shards/shard-{number:06d}.parquet"
            db.execute(
                SHARDS.insert().values(key=key, number=number, committed=False, updated_at=now())
            )
            loose = sa.and_(VIDEOS.c.state == VideoState.CURATED, VIDEOS.c.shard_key == "")
            for chunk in chunks(video_ids):
                ids = VIDEOS.c.video_id.in_(chunk)
                if update_videos(db, sa.and_(ids, loose), shard_key=key) != len(chunk):
                    raise ValueError(f"{key} was to hold videos that are not free for it: {chunk}")
        return key

    def commit_shard(self, key: str, *, strips: int, size: int, sha256: str) -> None:
        """Mark a shard whose object is in its place, and its videos, as done.

        Raises:
            ValueError: the shard was not begun, or is committed already.
        """
        begun = sa.and_(SHARDS.c.key == key, ~SHARDS.c.committed)
        done = {"committed": True, "strips": strips, "bytes": size, "sha256": sha256}
        with self._write() as db:
            shard = db.execute(SHARDS.update().where(begun).values(**done, updated_at=now()))
            if shard.rowcount != 1:
                raise ValueError(f"{key} is not a shard that was begun and not committed")
            members = sa.and_(VIDEOS.c.shard_key == key, VIDEOS.c.state == VideoState.CURATED)
            update_videos(db, members, state=VideoState.SHARDED)

    def drop_shard(self, key: str) -> None:
        """Forget a shard that was begun and has no videos left."""
        with self._write() as db:
            db.execute(SHARDS.delete().where(SHARDS.c.key == key, ~SHARDS.c.committed))

    def shards(self, *, committed: bool) -> list[ShardRow]:
        """List the shards that are done, or those that were begun and not finished."""
        query = sa.select(SHARDS).where(SHARDS.c.committed == committed)
        with self._read() as db:
            rows = db.execute(query.order_by(SHARDS.c.number)).all()
        return [ShardRow(key=r.key, strips=r.strips, bytes=r.bytes, sha256=r.sha256) for r in rows]


def keys_in_rewrite(engine: sa.Engine) -> set[str]:
    """Name the objects that a rewrite, which is not finished, has put or has yet to delete."""
    with transaction(engine, writes=False) as db:
        rows = db.execute(sa.select(REWRITES.c.old_key, REWRITES.c.new_key)).all()
    return {key for row in rows for key in row}
