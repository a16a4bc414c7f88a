"""Logos, captions and time stamps: what stays on the screen while the picture moves, and a crop.

Frame 0 is compared with those that lie farthest from it. A pixel of the scene changes as the camera
path says: by as much as frame 0 differs from itself, moved. One that should change and does not, in
none of them, belongs to the screen. Whoever walks beside the camera changes all the same; so that a
still part of him is no logo, blocks with many such pixels must lie together.

Where a strip of the same size can be cut from the picture beside it, that is done: the picture then
ends before the logo, as it does before a black bar, and the camera cannot carry it into the strip.

Cost: 15 ms per clip of 427 x 240 px whose camera moves.

Source: ours. Behind the limits stand 40 clips of moving cameras without a logo, whose patches have
19 blocks at most, in one at an edge, 9 in the others; two with one, of 18 and 38; drawn words have
8 and 9.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import to_gray, ways_of_center
from tinyvideo.pipeline.types import Crop, Frames, GrayFrame, Homographies, Overlay

BLOCK = 8
"""Side of a block, in working pixels."""

COMPARED = 10
"""Frames that are compared with frame 0, at most: every second of those that lie farthest."""

MOVED_PX = 4.0
"""How far the camera must have gone, in working pixels: below, a logo hardly leaves its place."""

EXPECTED, STAYED, WRONG = 10.0, 0.08, 0.7
"""Of a pixel that stays: least change that the camera path expects, 0 to 255, in the mean; largest
change that is seen, but for one frame, and least distance from where the path puts it, as shares.
"""

NOISE = 4
"""Change, 0 to 255, that a codec makes of what stands still."""

SHARP, STEEP, STILL_PX = 50.0, 10.0, 0.3
"""Of what is drawn: least Laplacian of its sharpest tenth, 0 to 255; least gradient of its edges,
0 to 255 per pixel, and how far they may move, in pixels, in three quarters of the frames. Ours:
words and a logo have 97 to 178 and 0 to 0.2; a hand that is held still 20 and 0.6, whom the camera
follows 87 and 0.6."""

EDGE_ROWS, EDGE_COLUMNS = 0.3, 0.15
"""What begins within this share of the picture's side from its edge, and lies within, is where
logos and time stamps are put."""

DENSE = 0.15
"""Share of a block's pixels that must stay: between thin letters the scene goes by."""

Blocks = npt.NDArray[np.float32]
"""A figure of every block, (rows, columns)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenConfig:
    look: bool = True
    """Whether logos and captions are looked for. Ours: true."""

    min_blocks: int = 8
    """Blocks of 8 x 8 working pixels that lie together at an edge, at least. Ours: a word of 60 x
    10."""

    min_blocks_inside: int = 24
    """The same elsewhere, where a dancer may be whom the camera follows. Ours."""

    def __post_init__(self) -> None:
        least = min(self.min_blocks, self.min_blocks_inside)
        if least < 1:
            raise ValueError(f"a patch has at least 1 block, got {least}")


DEFAULT_CONFIG = ScreenConfig()


def find_on_screen(
    frames: Frames, to_first: Homographies, config: ScreenConfig = DEFAULT_CONFIG
) -> list[Crop] | None:
    """Find the rectangles of `frames`, (T, H, W, 3), that stay while the camera path moves.

    None: nobody looked, or the camera did not move far enough to tell.
    """
    height, width = frames.shape[1:3]
    ways = ways_of_center(to_first, width, height)
    if not config.look or ways.max() < MOVED_PX:
        return None
    far = [t for t in np.argsort(-ways)[: 2 * COMPARED : 2] if ways[t] >= ways.max() / 2]
    stays = _blocks_that_stay(frames, to_first, far)
    # Letters with a block between them are one word.
    joined = np.asarray(
        cv2.morphologyEx(stays, cv2.MORPH_CLOSE, np.ones((3, 5), np.uint8)), np.uint8
    )
    count, labels, found, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    patches = []
    for number, patch in enumerate(found[1:count], start=1):
        at_edge = _is_at_an_edge(patch, *stays.shape)
        least = config.min_blocks if at_edge else config.min_blocks_inside
        blocks = (labels == number) & (stays > 0)
        if np.count_nonzero(blocks) >= least and _is_drawn(frames, blocks):
            patches.append(_pixels(patch, width, height))
    return patches


def _is_drawn(frames: Frames, blocks: npt.NDArray[np.bool_]) -> bool:
    """Whether a patch of blocks, (rows, columns), has sharp edges that do not move by a pixel."""
    inside = np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)
    rows, columns = inside.shape
    edges = np.abs(cv2.Laplacian(to_gray(frames[0]), cv2.CV_32F))[:rows, :columns][inside]
    if np.percentile(edges, 90) < SHARP:
        return False
    pixels = np.stack([_soft(frame)[:rows, :columns][inside] for frame in frames]).astype(float)
    usual = np.median(pixels, axis=0)
    change = np.percentile(np.abs(pixels - usual), 75, axis=0)
    soft = _soft(frames[0]).astype(np.float32)
    gradient = np.hypot(cv2.Sobel(soft, -1, 1, 0), cv2.Sobel(soft, -1, 0, 1)) / 8
    steep = gradient[:rows, :columns][inside]
    moved = change[steep >= STEEP] / steep[steep >= STEEP]
    return bool(moved.size and np.median(moved) <= STILL_PX)


def _is_at_an_edge(patch: npt.NDArray[np.int32], rows: int, columns: int) -> bool:
    left, top, width, height, _ = patch.tolist()
    bands = (
        (top + height) / rows,
        1 - top / rows,
        (left + width) / columns * EDGE_ROWS / EDGE_COLUMNS,
        (1 - left / columns) * EDGE_ROWS / EDGE_COLUMNS,
    )
    return bool(min(bands) <= EDGE_ROWS)


def crop_beside(patches: list[Crop], width: int, height: int) -> Crop | None:
    """Choose the largest part of a picture without `patches` from which as large a square is cut.

    None: whatever is cut off at the ends of the longer side, one is left.
    """
    side, length = min(width, height), max(width, height)
    lying = width >= height
    ends = [
        (patch.left, patch.left + patch.width) if lying else (patch.top, patch.top + patch.height)
        for patch in patches
    ]
    # Each patch is cut off before or behind: those that begin first go before.
    ends.sort()
    best: tuple[int, int] | None = None
    for before in range(len(ends) + 1):
        start = max((end for _, end in ends[:before]), default=0)
        stop = min((begin for begin, _ in ends[before:]), default=length)
        if stop - start >= max(side, 0 if best is None else best[1] - best[0] + 1):
            best = start, stop
    if best is None:
        return None
    start, stop = best
    if lying:
        return Crop(left=start, top=0, width=stop - start, height=height)
    return Crop(left=0, top=start, width=width, height=stop - start)


def overlay_of(patches: Sequence[Crop], width: int, height: int) -> Overlay:
    """Sum patches up: their share of the picture, and the largest of them."""
    sizes = [patch.width * patch.height for patch in patches]
    largest = patches[sizes.index(max(sizes))] if patches else None
    return Overlay(share=sum(sizes) / (width * height), place=largest)


def refuse_overlay(overlay: Overlay, width: int, height: int) -> RejectedError:
    """Say of patches that no crop leaves out how large they are, and where the largest is."""
    detail = f"{overlay.share:.1%} of the picture stays on the screen while the rest moves"
    if overlay.place is not None:
        left, top = overlay.place.left / width, overlay.place.top / height
        detail += f", the largest patch {left:.0%} from the left and {top:.0%} from the top"
    return RejectedError(
        RejectReason.OVERLAY, f"{detail}, and no square of this size leaves it out"
    )


def _blocks_that_stay(frames: Frames, to_first: Homographies, far: list[int]) -> GrayFrame:
    first = _soft(frames[0])
    size = (first.shape[1], first.shape[0])
    everything = np.full_like(first, 255)
    expected, wrong = np.zeros(first.shape, np.float32), np.zeros(first.shape, np.float32)
    count = np.zeros(first.shape, np.float32)
    most, second = np.zeros_like(first), np.zeros_like(first)
    for t in far:
        here, back = _soft(frames[t]), np.linalg.inv(to_first[t])
        moved = np.asarray(cv2.warpPerspective(first, back, size), np.uint8)
        known = np.asarray(cv2.warpPerspective(everything, back, size), np.uint8) // 255
        cv2.accumulate(cv2.absdiff(moved, first) * known, expected)
        cv2.accumulate(cv2.absdiff(here, moved) * known, wrong)
        cv2.accumulate(known, count)
        change = np.asarray(cv2.absdiff(here, first), np.uint8)
        second = np.maximum(second, np.minimum(most, change))
        most = np.maximum(most, change)
    stays = (expected > EXPECTED * count) & (wrong > WRONG * expected)
    stays &= (second * count <= STAYED * expected) | (second <= NOISE)
    stays &= count >= max(2, len(far) / 2)
    return np.asarray(_means(stays) >= DENSE, np.uint8)


def _soft(frame: npt.NDArray[np.uint8]) -> GrayFrame:
    return np.asarray(cv2.GaussianBlur(to_gray(frame), (0, 0), 1.0), np.uint8)


def _means(picture: npt.NDArray[np.bool_]) -> Blocks:
    rows, columns = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    whole = picture[: rows * BLOCK, : columns * BLOCK]
    small = cv2.resize(np.asarray(whole, np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _pixels(found: npt.NDArray[np.int32], width: int, height: int) -> Crop:
    """The rectangle of a patch of blocks, and one block around it, where its edge is soft."""
    left, top = (max(0, (int(found[at]) - 1) * BLOCK) for at in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP))
    right = min(width, int(found[cv2.CC_STAT_LEFT] + found[cv2.CC_STAT_WIDTH] + 1) * BLOCK)
    bottom = min(height, int(found[cv2.CC_STAT_TOP] + found[cv2.CC_STAT_HEIGHT] + 1) * BLOCK)
    return Crop(left=left, top=top, width=right - left, height=bottom - top)
