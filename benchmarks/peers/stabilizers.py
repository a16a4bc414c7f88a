"""The stabilizers that ours is held against, each as its users run it.

    paper    SIFT on full frames, neighbors fitted and multiplied (`pipeline.stabilize.paper`)
    vidstab  the package vidstab: corners, LK, and a smoothed path. It is smoothed over the whole
             film, which comes nearest to a camera that stands still
    ffmpeg   vidstabdetect, then vidstabtransform with `tripod=1`: all in the place of frame 1

vidstab and ffmpeg give another film, and no path. How far its frames lie from the first one
is measured by our own path of that film, whose error is a tenth of what is measured.
"""

import re
import subprocess
import time
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

from tinyvideo.pipeline.types import Frames

# vidstab knows OpenCV up to 4. What it misses in 5 is given to it under the old names: a detector
# that it does not use, and what it calls on 4 itself.
if not hasattr(cv2, "BRISK_create"):
    cv2.BRISK_create = cv2.xfeatures2d.BRISK_create
if not hasattr(cv2, "estimateRigidTransform"):
    cv2.estimateRigidTransform = lambda source, target, _: cv2.estimateAffinePartial2D(
        source, target
    )[0]
from vidstab import VidStab


def run_vidstab(frames: Frames) -> tuple[Frames, float]:
    """Stabilize full-size frames (T, H, W, 3); return what came out, and seconds."""
    stabilizer = VidStab()
    out = []
    start = time.perf_counter()
    window = len(frames) - 1
    for frame in frames:
        out.append(
            stabilizer.stabilize_frame(input_frame=frame[..., ::-1], smoothing_window=window)
        )
    while len(out) < len(frames) + window:
        out.append(stabilizer.stabilize_frame(input_frame=None, smoothing_window=window))
    seconds = time.perf_counter() - start
    kept = [frame for frame in out if frame is not None and frame.any()]
    return np.stack(kept)[..., ::-1], seconds


def run_ffmpeg(film: Path, folder: Path) -> tuple[Path, float]:
    """Stabilize a film; return the film that came out, and seconds for filters alone."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    found, out = folder / f"{film.stem}.trf", folder / f"{film.stem}-tripod.mkv"
    detect = f"vidstabdetect=shakiness=10:accuracy=15:tripod=1:result={found}"
    transform = f"vidstabtransform=input={found}:tripod=1:optzoom=0:crop=keep"
    plain = _timed([program, "-threads", "1", "-i", str(film), "-f", "null", "-"])
    seconds = _timed([program, "-threads", "1", "-i", str(film), "-vf", detect, "-f", "null", "-"])
    command = [program, "-y", "-threads", "1", "-i", str(film), "-vf", transform]
    seconds += _timed([*command, "-f", "null", "-"])
    _timed([*command, "-c:v", "ffv1", "-pix_fmt", "bgr0", str(out)])
    return out, max(seconds - 2 * plain, 1e-3)


def _timed(command: list[str]) -> float:
    """Run ffmpeg; return the processor seconds that it says it took."""
    done = subprocess.run([*command, "-benchmark"], capture_output=True, text=True, check=True)
    spent = re.search(r"utime=([\d.]+)s stime=([\d.]+)s", done.stderr)
    assert spent is not None, done.stderr
    return float(spent[1]) + float(spent[2])
