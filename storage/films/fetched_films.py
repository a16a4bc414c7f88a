"""Source films on this machine: fetched, checked, and waiting to be curated.

A film lies in `raw/` of the work folder under its video's id, and beside it a note of what it is.
The note is written last: a film without one is not whole, or not checked, and is fetched anew. A
run that is killed so finds again what was fetched. Films whose videos have ended are deleted,
unless they are to be kept.

Cost: one small file per film, synced to disk.
"""

import json
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tinyvideo.pipeline.outside_json import read_json
from tinyvideo.pipeline.types import Film, VideoRecord, VideoState
from tinyvideo.pipeline.video_id import VideoId
from tinyvideo.storage.catalog import Catalog, states_of
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.storage_errors import StorageError

FOLDER = "raw"


@dataclass(frozen=True, slots=True)
class RawFolder:
    """The films below one work folder."""

    work: FolderStore

    @property
    def path(self) -> Path:
        """Where they lie."""
        return self.work.path(FOLDER)

    def find(self, record: VideoRecord) -> Film | None:
        """Find the film of a video, if it was fetched before."""
        note = self._note(record.video_id)
        try:
            told = read_json(note)
            path = self.work.path(f"{FOLDER}/{told.pop('name')}")
            told["record"] = VideoRecord(**told["record"])
            film = Film(path=path, **told)
            return film if path.stat().st_size == film.size else None
        except (OSError, ValueError, KeyError, TypeError, StorageError):
            return None  # fetched by another version, or not to its end

    def enter(self, film: Film) -> None:
        """Note that a film is there."""
        told = {f.name: getattr(film, f.name) for f in fields(film) if f.name != "path"}
        told |= {"record": asdict(film.record), "name": film.path.name}
        key = f"{FOLDER}/{self._note(film.record.video_id).name}"
        self.work.replace(key, json.dumps(told).encode())

    def drop(self, video_id: str) -> None:
        """Delete the film of a video, and what is there of an unfinished one."""
        for path in self.path.glob(f"{VideoId(video_id)}.*"):
            if path.stem != video_id:  # a film of `a.b` is none of `a`
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def drop_ended(self, catalog: Catalog) -> int:
        """Delete the films of videos that are not to be curated any more; return how many."""
        here = sorted({path.stem for path in self.path.glob("*.*")})
        waiting = {VideoState.PENDING, VideoState.LEASED}
        states = states_of(catalog, here)
        ended = [i for i in here if i in states and states[i][0] not in waiting]
        for video_id in ended:
            self.drop(video_id)
        return len(ended)

    def _note(self, video_id: str) -> Path:
        return self.path / f"{VideoId(video_id)}.json"
