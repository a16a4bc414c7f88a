"""Tarballs and lists as the released dataset has them, drawn here."""

import bz2
import io
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import simplejpeg

from tinyvideo.storage.exchange.released_format import FOLDER, name_of


@cache
def draw_sheet(frames: int, seed: int = 0, width: int = 16, **options: object) -> bytes:
    """Encode `frames` frames of smooth noise, top to bottom, as one JPEG."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (frames * 4, 4, 3), np.uint8)
    sheet = np.kron(small, np.ones((width // 4, width // 4, 1), np.uint8))
    return simplejpeg.encode_jpeg(sheet, quality=95, colorsubsampling="420", **options)


def strips_of(photo_id: int, *frames: int) -> dict[str, bytes]:
    """Name and draw the strips of a video: `strips_of(4632147167, 34, 34, 20)`."""
    return {
        f"{FOLDER}/{name_of(photo_id, index)}": draw_sheet(count, seed=photo_id + index)
        for index, count in enumerate(frames)
    }


def write_tarball(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a .tar.bz2 of these files, in their order, each folder once before them."""
    path.write_bytes(bz2.compress(tarball(files)))
    return path


def tarball(files: Mapping[str, bytes]) -> bytes:
    sink, folders = io.BytesIO(), set()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, content in files.items():
            folder = name.rpartition("/")[0]
            if folder and folder not in folders:
                folders.add(folder)
                entry = tarfile.TarInfo(folder)
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


def write_list(path: Path, files: Mapping[str, bytes]) -> Path:
    """List the files as `golf.txt` does: without the first folder, with a further column."""
    lines = (f"{name.removeprefix(FOLDER + '/')} 1\n" for name in files)
    path.write_text("".join(lines))
    return path
