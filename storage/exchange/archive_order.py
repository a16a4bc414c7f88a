"""Which strips an archive holds of each video, and the strips of videos that are not yet whole.

A tarball may have the strips of a video anywhere. So it is known beforehand which ones belong to
it, from the list, or from the names in the archive; and a video is entered when all of them have
come. Until then its strips wait: in memory while they are few, then in a file beside its part.

Cost: to read the names alone takes as long as decompressing, 10 ms per strip of a .tar.bz2; 100
bytes per strip. Where an archive has its strips in the order of its videos, one video waits at a
time; in another order all may, and the folder of parts then holds as much as the archive.
"""

import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tinyvideo.storage.exchange.released_format import Archive, Entry, StripName, iterate_strips

IN_MEMORY = 2**28
"""Bytes of strips that wait in memory. Ours: as many as a shard has in a quarter."""

_HEAD = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Expected:
    """What there should be of each video."""

    clips: Mapping[int, Collection[int]]
    """Numbers of the clips, by photo id."""

    in_doubt: frozenset[int] = frozenset()
    """Videos of which more may lie behind the place where the archive breaks off."""

    def is_whole(self, photo_id: int, found: Collection[int]) -> bool:
        """Tell whether these are all clips of a video."""
        return photo_id not in self.in_doubt and set(found) >= set(self.clips[photo_id])


def expect_listed(listed: Collection[tuple[int, int]]) -> Expected:
    """Expect what a list names."""
    clips: dict[int, set[int]] = {}
    for photo_id, index in listed:
        clips.setdefault(photo_id, set()).add(index)
    return Expected(clips)


def expect_archived(tar: Path) -> Expected:
    """Expect what the names in an archive say; reads it once.

    Raises:
        StorageError: the archive cannot be opened.
    """
    clips: dict[int, set[int]] = {}
    archive, last, scattered = Archive(), -1, False
    for entry in iterate_strips(tar, archive, names_only=True):
        photo_id = entry.name.photo_id
        scattered = scattered or (photo_id != last and photo_id in clips)
        clips.setdefault(photo_id, set()).add(entry.name.index)
        last = photo_id
    if not archive.problem:
        return Expected(clips)
    return Expected(clips, frozenset(clips if scattered else {last}))


@dataclass(slots=True)
class WaitingStrips:
    """Strips of videos of which others are still to come; a video is known by its photo id."""

    spill_of: Callable[[int], Path]
    """Names the file in which the strips of a video may wait."""

    _strips: dict[int, dict[int, bytes | None]] = field(default_factory=dict)
    """By video and number; None: in the video's file."""

    _names: dict[int, StripName] = field(default_factory=dict)
    """Of the first strip of each video."""

    _bytes: int = 0

    def add(self, entry: Entry) -> bool:
        """Keep a strip; False if one of that number waits already."""
        strips = self._strips.setdefault(entry.name.photo_id, {})
        self._names.setdefault(entry.name.photo_id, entry.name)
        if entry.name.index in strips:
            return False
        strips[entry.name.index] = entry.jpeg
        self._bytes += len(entry.jpeg)
        if self._bytes > IN_MEMORY:
            self._spill()
        return True

    def has(self, photo_id: int) -> Collection[int]:
        """Name the strips of a video that wait."""
        return self._strips.get(photo_id, {}).keys()

    def videos(self) -> list[int]:
        """List the videos that wait, in the order in which they came."""
        return [*self._strips]

    def path_of(self, photo_id: int) -> str:
        """Name a video as the archive does."""
        return self._names[photo_id].video

    def take(self, photo_id: int) -> Iterator[Entry]:
        """Hand out the strips of a video, in the order of their numbers, and forget them."""
        strips = self._strips[photo_id]
        is_spilled = None in strips.values()
        spilled = dict(_read_spill(self.spill_of(photo_id))) if is_spilled else {}
        video = self.path_of(photo_id)
        for index, jpeg in sorted(strips.items()):
            yield Entry(StripName(video, photo_id, index), spilled[index] if jpeg is None else jpeg)
        self.drop(photo_id)

    def drop(self, photo_id: int) -> None:
        """Forget the strips of a video."""
        strips = self._strips.pop(photo_id)
        self._bytes -= sum(len(jpeg) for jpeg in strips.values() if jpeg is not None)
        if None in strips.values():
            self.spill_of(photo_id).unlink(missing_ok=True)
        del self._names[photo_id]

    def _spill(self) -> None:
        for photo_id, strips in self._strips.items():
            path = self.spill_of(photo_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = "ab" if None in strips.values() else "wb"  # or it is that of a killed import
            with path.open(mode) as file:
                for index, jpeg in strips.items():
                    if jpeg is not None:
                        file.write(_HEAD.pack(index, len(jpeg)) + jpeg)
            strips.update(dict.fromkeys(strips))
        self._bytes = 0


def _read_spill(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            index, size = _HEAD.unpack(head)
            yield index, file.read(size)
