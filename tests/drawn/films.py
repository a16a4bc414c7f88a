"""Films with known answers, drawn and encoded by the tests themselves: no binary fixtures.

A camera path is a (T, 3, 3) array `to_first`: the homography from pixels of frame t to pixels of
frame 0, so `to_first[0]` is the identity. It is both what draws a film and the truth that the
stabilizer has to find again: a film is exact to about 0.002 px (linear interpolation of a smooth
scene drawn at twice the size). Frames are RGB uint8, (T, H, W, 3); points are (x, y), and the
center of the top left pixel is (0, 0). Equal arguments, equal bytes.

Cost per frame of 320 x 180: 1.1 ms to draw, 1.6 ms for a ball, 2.1 ms to encode in H.264.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from tinyvideo.pipeline.strips.mp4 import REPEATABLE
from tinyvideo.pipeline.types import Frame, Frames, Homographies, Homography

HEIGHT, WIDTH = 180, 320
SCENE_SCALE = 2  # the scene has this many pixels per pixel of the film
PIXEL_FORMATS = {"ffv1": "bgr0", "rawvideo": "bgr24", "mjpeg": "yuvj420p"}  # all others: yuv420p
_X264 = {"preset": "veryfast", "x264-params": REPEATABLE}


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH, cell: int = 6) -> Frame:
    """Draw a smooth random image, (height, width, 3), values 40 to 215, rich in keypoints.

    The finest grain is `cell` pixels wide, the coarsest four times that.
    """
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for octave in (cell, 2 * cell, 4 * cell):
        grid = rng.random((height // octave + 2, width // octave + 2, 3), np.float32)
        image += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    image = (image - image.mean()) / image.std()
    return np.clip(127.5 + 35 * image, 40, 215).astype(np.uint8)


def pan(x: float, y: float) -> Homography:
    """Move the camera by (x, y) pixels."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def turn(
    degrees: float = 0, zoom: float = 1, height: int = HEIGHT, width: int = WIDTH
) -> Homography:
    """Roll the camera, clockwise, and zoom out by a factor, about the center of the picture."""
    center = pan((width - 1) / 2, (height - 1) / 2)
    cos, sin = zoom * np.cos(np.radians(degrees)), zoom * np.sin(np.radians(degrees))
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return np.asarray(center @ turned @ np.linalg.inv(center))


def camera_path(steps: Sequence[Homography]) -> Homographies:
    """Chain T - 1 steps (frame t + 1 onto frame t) to a camera path, (T, 3, 3)."""
    path = [np.eye(3)]
    for step in steps:
        path.append(path[-1] @ step)
    return np.stack([matrix / matrix[2, 2] for matrix in path])


def shaky_path(
    frames: int, seed: int = 0, strength: float = 3, height: int = HEIGHT, width: int = WIDTH
) -> Homographies:
    """Draw the camera path of a shaky hand, (frames, 3, 3).

    A smooth wobble in all eight degrees of freedom; `strength` is about the largest distance, in
    pixels, that it moves the center of the picture to either side.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None]
    period, phase = rng.uniform(12, 40, (2, 3, 6)), rng.uniform(0, 2 * np.pi, (2, 3, 6))
    waves = np.sin(2 * np.pi * time / period[0] + phase[0]).mean(axis=1)  # (frames, 6)
    x, y, roll, zoom, tilt_x, tilt_y = strength * waves.T
    poses = []
    for t in range(frames):
        pose = pan(x[t], y[t]) @ turn(roll[t] / 6, 1 + zoom[t] / 300, height, width)
        pose[2, :2] = tilt_x[t] * 2e-6, tilt_y[t] * 2e-6
        poses.append(pose)
    path = np.linalg.inv(poses[0]) @ np.stack(poses)
    return np.asarray(path / path[:, 2:, 2:])


def film(
    to_first: Sequence[Homography] | Homographies,
    seed: int = 0,
    height: int = HEIGHT,
    width: int = WIDTH,
) -> Frames:
    """Film one flat random scene along a camera path (T, 3, 3) -> (T, height, width, 3)."""
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], np.float64)
    seen = np.stack([matrix @ corners for matrix in to_first])
    seen = seen[:, :2] / seen[:, 2:]
    low, high = np.floor(seen.min(axis=(0, 2))) - 2, np.ceil(seen.max(axis=(0, 2))) + 2
    scene_width, scene_height = (SCENE_SCALE * (high - low)).astype(int)
    scene = texture(seed, scene_height, scene_width, cell=6 * SCENE_SCALE).astype(np.float32)
    middle = (SCENE_SCALE - 1) / 2
    to_scene = np.diag([SCENE_SCALE, SCENE_SCALE, 1.0]) @ pan(*-low)
    to_scene = pan(middle, middle) @ to_scene
    return np.stack([_view(scene, to_scene @ matrix, height, width) for matrix in to_first])


def _view(scene: np.ndarray, to_scene: Homography, height: int, width: int) -> Frame:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.rint(cv2.warpPerspective(scene, to_scene, (width, height), flags=flags)).astype(
        np.uint8
    )


def add_ball(
    frames: Frames,
    to_first: Sequence[Homography] | Homographies,
    *,
    start: tuple[float, float] = (80, 90),
    velocity: tuple[float, float] = (4, 0),
    radius: int = 20,
    seed: int = 99,
) -> Frames:
    """Let a textured ball move over a film; returns a copy, (T, H, W, 3).

    `start` (x, y) is in pixels of frame 0, `velocity` in the same pixels per frame.
    """
    height, width = frames.shape[1:3]
    ball = texture(seed, 2 * radius + 1, 2 * radius + 1, cell=4).astype(np.float32)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = np.clip(radius - np.hypot(x, y), 0, 1).astype(np.float32)[..., None]
    drawn = []
    for t, frame in enumerate(frames):
        center = pan(start[0] + t * velocity[0] - radius, start[1] + t * velocity[1] - radius)
        to_frame = np.linalg.inv(to_first[t]) @ center
        layer = cv2.warpPerspective(np.dstack([ball * disc, disc]), to_frame, (width, height))
        drawn.append(np.rint(frame * (1 - layer[..., 3:]) + layer[..., :3]).astype(np.uint8))
    return np.stack(drawn)


def repeated(pictures: Frames, true: float, stored: float) -> tuple[Frames, list[int]]:
    """Store pictures of `true` per second as `stored` frames per second, as converters do.

    Returns the frames, and the numbers of those that show a picture for the first time.
    """
    count = int(len(pictures) * stored / true)
    shown = [int(number * true / stored + 1e-9) for number in range(count)]
    first = [n for n in range(count) if n == 0 or shown[n] != shown[n - 1]]
    return pictures[shown], first


def flat(frames: int, value: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Frames:
    """Draw frames of one gray value, (frames, height, width, 3); 0 is black."""
    return np.full((frames, height, width, 3), value, np.uint8)


def write_video(
    path: Path,
    frames: Sequence[Frame] | Frames,
    *,
    fps: float | Fraction = 25,
    times: Sequence[float] | None = None,
    rotation: float = 0,
    codec: str = "libx264",
    crf: int = 18,
    mirrored: bool = False,
    pixel_aspect: Fraction = Fraction(1),
    container: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode RGB frames of one size; the suffix of `path` chooses the container.

    `times` are time stamps in seconds, for a variable frame rate. A player turns the frames by
    `rotation` degrees counterclockwise and then mirrors them left to right if `mirrored`. H.264
    needs even sides; `codec="ffv1"` in .mkv takes any size and loses nothing. `container` and
    `options` are FFmpeg's own, for instance `{"movflags": "faststart"}` and `{"g": "1"}`.
    """
    height, width = frames[0].shape[:2]
    with av.open(path, "w", options=container or {}) as output:
        quality = {"crf": str(crf), **_X264} if codec == "libx264" else {}
        stream = output.add_stream(codec, rate=Fraction(fps), options=quality | (options or {}))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = PIXEL_FORMATS.get(codec, "yuv420p")
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 90_000)
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if times is not None:
                frame.time_base, frame.pts = Fraction(1, 90_000), round(times[number] * 90_000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def write_sound(path: Path, seconds: float = 1) -> Path:
    """Write a file that holds silence (AAC) and no picture."""
    with av.open(path, "w") as output:
        stream = output.add_stream("aac", rate=48_000, layout="mono")
        for start in range(0, round(48_000 * seconds), 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
