"""Films whose camera is known: photos that packages ship, filmed by a shaking camera.

A photo is seen through a window that shifts, rolls, zooms and tilts a little; two pieces of other
photos fly through the picture in ways of their own; noise is added, and H.264 (crf 26) does what
it does to every film. The camera path is both what draws the film and the truth to find again.

The photos are those that scikit-image and scikit-learn carry in their packages. Frames are RGB,
(T, H, W, 3); a camera path is (T, 3, 3), from pixels of frame t to pixels of frame 0.

Cost: about 15 ms per frame of 480 x 270 to draw, 4 ms to encode.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import sklearn.datasets

from tests.drawn.films import pan, turn, write_video
from tinyvideo.pipeline.decode.frames import FramesConfig, open_video
from tinyvideo.pipeline.pixels import scaling
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip
from tinyvideo.pipeline.types import Frame, Frames, Homographies, Homography

FRAMES, HEIGHT, WIDTH = 33, 270, 480
STRENGTHS = {"calm": 4.0, "shaky": 10.0, "wild": 20.0}
"""About the largest way of the picture's center, in pixels of a film of 480 x 270."""

PHOTOS = ("astronaut", "brick", "chelsea", "china", "coffee", "flower", "grass", "gravel")
PHOTOS += ("motorcycle_left", "retina", "rocket", "ihc")
STRIP_PX = 128
NOISE = 2.0
"""Standard deviation of the sensor's noise, 0 to 255."""


@dataclass(frozen=True, slots=True)
class TruthFilm:
    name: str
    path: Path
    """The encoded film."""

    to_first: Homographies
    """The truth, (T, 3, 3)."""

    nearer: Homographies | None = None
    """The truth of a second plane of the same scene, nearer to the camera."""


def draw_films(
    folder: Path, seed: int, *, count: int = 12, height: int = HEIGHT, width: int = WIDTH
) -> list[TruthFilm]:
    """Draw `count` films of each strength into `folder`, each with its own photo and camera."""
    films = []
    for strength, way in STRENGTHS.items():
        for number in range(count):
            rng = np.random.default_rng((seed, number, round(way)))
            name = PHOTOS[(number + seed) % len(PHOTOS)]
            camera = shaking_camera(rng, way * height / HEIGHT, height, width)
            frames = film_photo(rng, photo(name), camera, height, width)
            path = folder / f"{strength}-{number:02d}-{name}-{height}.mp4"
            write_video(path, frames, crf=26)
            films.append(TruthFilm(path.stem, path, camera))
    return films


def shaking_camera(
    rng: np.random.Generator, way: float, height: int, width: int, frames: int = FRAMES
) -> Homographies:
    """Draw a camera path (frames, 3, 3): slow sway, quicker shake, and a tremble on top."""
    time = np.arange(frames)[:, None]
    poses = np.zeros((frames, 6))
    for share, shortest, longest in ((0.7, 20, 60), (0.25, 8, 16), (0.05, 2.5, 5)):
        period = rng.uniform(shortest, longest, 6)
        phase = rng.uniform(0, 2 * np.pi, 6)
        poses += share * np.sin(2 * np.pi * time / period + phase)
    poses -= poses[0]
    scale = way * 480 / width  # roll, zoom and tilt do not depend on the size of the picture
    path = []
    for x, y, roll, zoom, tilt_x, tilt_y in poses:
        pose = pan(way * x, way * y)
        pose = pose @ turn(scale * roll / 8, 1 + scale * zoom / 500, height, width)
        center = pan((width - 1) / 2, (height - 1) / 2)
        tilt = np.eye(3)
        tilt[2, :2] = scale * np.array([tilt_x, tilt_y]) * 2.5e-6 * 480 / width
        path.append(pose @ center @ tilt @ np.linalg.inv(center))
    to_first = np.linalg.inv(path[0]) @ np.stack(path)
    return np.asarray(to_first / to_first[:, 2:, 2:])


def film_photo(
    rng: np.random.Generator, scene: Frame, camera: Homographies, height: int, width: int
) -> Frames:
    """Film `scene` along `camera`, with two foreign objects: (T, height, width, 3)."""
    to_scene = first_view(scene, camera, height, width)
    objects = [_foreign_object(rng, height, width, len(camera)) for _ in range(2)]
    frames = []
    for t, matrix in enumerate(camera):
        # Drawn at twice the size and shrunk by area, as a lens and its pixels do.
        frame = look(scene, to_scene @ matrix, height, width).astype(np.float32)
        for picture, mask, ways in objects:
            corner = (ways[t] - (mask.shape[1] / 2, mask.shape[0] / 2)).astype(np.float64)
            place = np.linalg.inv(matrix) @ pan(*corner)
            layer = cv2.warpPerspective(picture * mask[..., None], place, (width, height))
            alpha = cv2.warpPerspective(mask, place, (width, height))[..., None]
            frame = frame * (1 - alpha) + layer
        frame += rng.normal(0, NOISE, frame.shape)
        frames.append(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
    return np.stack(frames)


@cache
def photo(name: str) -> Frame:
    """Read a photo that scikit-image or scikit-learn ships, RGB (H, W, 3)."""
    if name in {"china", "flower"}:
        return np.asarray(sklearn.datasets.load_sample_image(f"{name}.jpg"))
    picture = cv2.imread(str(next(Path(skimage.data.__file__).parent.glob(f"{name}.*"))))
    assert picture is not None, name
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def read_frames(path: Path, working_px: int | None = None) -> Frames:
    """Decode a whole film, (T, H, W, 3)."""
    with open_video(path, FramesConfig(working_px=working_px)) as video:
        return np.stack([frame.image for frame in video])


def corner_error(found: Homographies, truth: Homographies, shape: tuple[int, ...]) -> float:
    """Mean distance, in strip pixels, of the strip's corners from where they truly lie."""
    crop = crop_to_strip(shape[1], shape[0], STRIP_PX)
    edge = STRIP_PX - 0.5
    corners = np.array([[-0.5, edge, -0.5, edge], [-0.5, -0.5, edge, edge], [1, 1, 1, 1]])
    moved = crop @ found @ np.linalg.inv(truth) @ np.linalg.inv(crop) @ corners
    away = np.linalg.norm(moved[:, :2] / moved[:, 2:] - corners[:2], axis=1)
    return float(away.mean())


def in_other_pixels(
    path: Homographies, source: tuple[int, ...], target: tuple[int, ...]
) -> Homographies:
    """Turn a path in frames of `source` (H, W) to one in the same frames of size `target`."""
    to_target = scaling((source[1], source[0]), (target[1], target[0]))
    scaled = to_target @ path @ np.linalg.inv(to_target)
    return np.asarray(scaled / scaled[:, 2:, 2:])


def first_view(scene: Frame, camera: Homographies, height: int, width: int) -> Homography:
    """Map pixels of frame 0 to those of the photo `scene`, so that it holds the whole film."""
    # Enlarged until every frame of the film lies inside the photo, with its middle in the middle.
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1.0]])
    seen = camera @ corners
    seen = seen[:, :2] / seen[:, 2:]
    low, high = seen.min(axis=(0, 2)) - 2, seen.max(axis=(0, 2)) + 2
    scale = min(scene.shape[1] / (high[0] - low[0]), scene.shape[0] / (high[1] - low[1]))
    middle = (low + high) / 2
    center = pan((scene.shape[1] - 1) / 2, (scene.shape[0] - 1) / 2)
    return np.asarray(center @ np.diag([scale, scale, 1]) @ pan(*-middle))


def look(scene: Frame, to_scene: Homography, height: int, width: int) -> Frame:
    """See the photo `scene` through a frame whose pixels `to_scene` maps to the photo's."""
    double = to_scene @ np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (2 * width, 2 * height)
    large = cv2.warpPerspective(scene, double, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA))


def _foreign_object(
    rng: np.random.Generator, height: int, width: int, frames: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut an ellipse out of a photo: picture (h, w, 3), mask (h, w), centers (frames, 2)."""
    h, w = (round(height * rng.uniform(0.2, 0.35)) for _ in range(2))
    scene = photo(PHOTOS[rng.integers(len(PHOTOS))])
    y, x = rng.integers(scene.shape[0] - 100), rng.integers(scene.shape[1] - 100)
    picture = cv2.resize(scene[y : y + 100, x : x + 100], (w, h)).astype(np.float32)
    grid_y, grid_x = np.mgrid[:h, :w]
    radius = np.hypot((grid_x - (w - 1) / 2) / (w / 2), (grid_y - (h - 1) / 2) / (h / 2))
    mask = np.clip((1 - radius) * min(h, w) / 2, 0, 1).astype(np.float32)
    start = rng.uniform((0.15 * width, 0.2 * height), (0.85 * width, 0.8 * height))
    speed = rng.uniform(0.003, 0.012) * width
    angle = rng.uniform(0, 2 * np.pi)
    step = speed * np.array([np.cos(angle), np.sin(angle)])
    return picture, mask, start + np.arange(frames)[:, None] * step
