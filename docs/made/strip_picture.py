"""The picture of a strip before and after, for the README and the book.

    make strip-picture

Of a film, the clip whose camera moved most is drawn twice: as it was filmed, and as its strip has
it. Beside some of its frames stands the mean of all 32: what stands still is sharp in it.

Cost: a second per 100 frames, for stabilizing the film.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tinyvideo.pipeline.curation import curate
from tinyvideo.pipeline.rerender import unstabilized_strip
from tinyvideo.pipeline.strips import decode_strip
from tinyvideo.pipeline.types import Frames, Strip

SHOWN = (0, 6, 12, 18, 24, 31)
"""Frames that are drawn."""

TILE, GAP, HEAD, SIDE = 128, 4, 20, 76
"""Pixels: a frame, the room between two, the line of numbers above, the words at the left."""

QUALITY = 80
"""Of WebP, 1 to 100; the file is about 70 kB."""


def draw_film(film: Path, target: Path) -> None:
    """Draw the clip of `film` whose camera moved most into the WebP `target`.

    Raises:
        ValueError: no clip of the film could be stabilized.
        RejectedError, UnreadableError: as their texts say.
    """
    strip = _most_moved(film)
    before = unstabilized_strip(
        film,
        strip.start_frame,
        strip.jpeg,
        quality=95,
        step=strip.source_step,
        source_frames=strip.source_frames,
        crop=strip.crop,
    )
    rows = {"as filmed": decode_strip(before), "stabilized": decode_strip(strip.jpeg)}
    _draw(rows).save(target, quality=QUALITY, method=6)


def _most_moved(film: Path) -> Strip:
    strips = [clip.strip for clip in curate(film, None) if clip.strip is not None]
    if not strips:
        raise ValueError(f"no clip of {film} could be stabilized")
    return max(strips, key=lambda strip: strip.figures.camera_motion_px)


def _draw(rows: dict[str, Frames]) -> Image.Image:
    step = TILE + GAP
    size = SIDE + step * (len(SHOWN) + 1) - GAP, HEAD + step * len(rows) - GAP
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, number in enumerate([*map(str, SHOWN), "mean of all 32"]):
        words = f"frame {number}" if column == 0 else number
        draw.text((SIDE + step * column, 2), words, "black", font)
    for row, (name, frames) in enumerate(rows.items()):
        top = HEAD + step * row
        draw.text((2, top + TILE // 2 - 8), name, "black", font)
        mean = frames.mean(axis=0).round().astype(np.uint8)
        for column, tile in enumerate([*(frames[t] for t in SHOWN), mean]):
            sheet.paste(Image.fromarray(tile), (SIDE + step * column, top))
    return sheet


if __name__ == "__main__":
    draw_film(Path(sys.argv[1]), Path(sys.argv[2]))
