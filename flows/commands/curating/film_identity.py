"""Which film strips are of: name, size and hash, beside what was found in it.

Homographies say nothing of another film, and its strips would overwrite those of the first one
under the same numbers. So clips.json names its film, `render` holds a film against that, and leaves
in its folder the name of the film whose strips lie there.

Cost: hashing the film, 0.5 s per GB.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinyvideo.pipeline.outside_json import read_json
from tinyvideo.storage.objects import FolderStore, sha256_of

FILM = "film"
"""What an entry of clips.json calls it."""

RENDERED = "rendered.json"


def identity_of(film: Path) -> dict[str, Any]:
    """Name a film for good: its file's name, its size in bytes, its SHA-256."""
    return {"name": film.name, "bytes": film.stat().st_size, "sha256": sha256_of(film)}


def check_film(
    mine: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], clips: Path, film: Path
) -> None:
    """Refuse a film that is not the one of clips.json; older ones do not say which it was.

    Raises:
        ValueError: it is another.
    """
    told = next((e[FILM] for e in entries if isinstance(e.get(FILM), dict)), mine)
    if told.get("sha256") != mine["sha256"]:
        raise ValueError(
            f"{clips} is of the film {str(told.get('name'))[:200]!r} ({told.get('bytes')} bytes), "
            f"and {film} is another; give that film, or say --any-film for a copy of it"
        )


def claim_folder(mine: Mapping[str, Any], store: FolderStore, names: Sequence[str]) -> None:
    """Note in a folder whose strips come to lie there; refuse one with those of another film.

    Raises:
        ValueError: strips of another film, or of `stabilize`, lie there.
        StorageError: the folder cannot be written.
    """
    told = _claimed(store)
    taken = any(store.path(name).exists() for name in names)
    if taken and told.get("sha256") != mine["sha256"]:
        whose = f"the film {told['name']!r}" if told else "something else"
        raise ValueError(
            f"{store.root} holds strips of {whose} under the same numbers; choose another --to"
        )
    store.replace(RENDERED, json.dumps(mine, indent=1).encode())


def _claimed(store: FolderStore) -> Mapping[str, Any]:
    try:
        found = read_json(store.path(RENDERED))
    except (OSError, ValueError):
        return {}
    is_one = isinstance(found, dict) and isinstance(found.get("name"), str)
    return found if is_one else {}
