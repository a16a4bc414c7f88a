"""The nouns of the pipeline: frames, records, strips, clips, and what is known of them.

Axes: T frames, H rows, W columns. Points are (x, y) in pixels; the center of the top left pixel
is (0, 0). Data only, so importing this costs what numpy costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.video_id import VideoId

STRIP_FRAMES = 32
"""Frames in a strip, a window and a training clip. Theirs (NIPS 2016, section 3)."""

Frame: TypeAlias = npt.NDArray[np.uint8]
"""A picture in RGB, (H, W, 3); 0 is black, 255 full brightness."""

Frames: TypeAlias = npt.NDArray[np.uint8]
"""T pictures in RGB that follow each other, (T, H, W, 3)."""

GrayFrame: TypeAlias = npt.NDArray[np.uint8]
"""The brightness of a picture, (H, W); 0 is black."""

Homography: TypeAlias = npt.NDArray[np.float64]
"""Projective map from points to points, (3, 3), scaled so that its last element is 1."""

Homographies: TypeAlias = npt.NDArray[np.float64]
"""One homography per frame, (T, 3, 3)."""


class VideoState(StrEnum):
    """Where a video stands. It is in exactly one state at any time."""

    PENDING = "pending"
    """Found, and nobody works on it."""

    LEASED = "leased"
    """A worker has it. Counts as pending in the books."""

    CURATED = "curated"
    """Its strips lie in a part file, not yet in a shard. Counts as pending in the books."""

    SHARDED = "sharded"
    """At least one strip of it is in a committed shard. Terminal."""

    REJECTED = "rejected"
    """It can give no strip; the reason says why. Terminal."""

    FAILED = "failed"
    """It could not be judged; the cause says why. Terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecord:
    """One item of a source: where it is, and whose it is."""

    video_id: str
    """Unique in a catalog, a `VideoId`: `flickr-` and the photo's id, for instance, by whichever
    way it came in."""

    source: str
    """Which way in it came: `folder`, `flickr`, `yfcc100m`, `url`, `s3`."""

    uri: str
    """Where its bytes are: `file:///...` and `https://...`, percent-encoded, so that any file name
    survives; `s3://...` with the key as it is; `flickr:123` has to be resolved first."""

    title: str = ""
    owner: str = ""
    """Who made it, as the source names them (Flickr: NSID); splits are disjoint by owner."""

    owner_name: str = ""
    """The owner's name for people, where `owner` is none."""

    page_url: str = ""
    license: str = ""
    """Name of the license, as the source has it."""

    license_id: str = ""
    """Flickr's number of the license; empty where the source has none."""

    license_url: str = ""
    tags: str = ""
    """Words that the owner gave it, separated by spaces."""

    uploaded_at: int | None = None
    """Seconds since 1970."""

    taken_at: str = ""
    """When the camera says that it was filmed, without a zone: `2014-03-01 12:00:00`."""

    views: int | None = None
    """How often it had been looked at when it was found."""

    latitude: float | None = None
    longitude: float | None = None
    """Where it was filmed, in degrees; None where nobody says."""

    secret: str = field(default="", repr=False)
    """Part of the address of its media; never shown."""

    problem: str = ""
    """Why it cannot be opened, in the operating system's words; empty if nothing is known."""

    refused: RejectReason | None = None
    """Why it must not be fetched, if that is known from the start: its license, for instance."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "video_id", VideoId(self.video_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A source film on this machine, whole and checked."""

    record: VideoRecord
    """With the rights as they were when it was fetched."""

    path: Path
    size: int
    """In bytes."""

    sha256: str
    rendition: str
    """Name of the file at its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A scene, as one classifier sees it."""

    scene: str
    """Places365 name (`beach`, `train_station/platform`), or a proxy's own word for it."""

    probability: float
    """0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneTags:
    """The most probable scenes of a shot, best first, and who says so."""

    model: str
    """`places365-resnet18`, or `imagenet-proxy`: never mistake the one for the other."""

    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """The part of a source picture that is no bar, in its pixels, after rotation."""

    left: int
    top: int
    """Columns and rows that are cut off there."""

    width: int
    height: int
    """What is left; the rest is cut off at the right and at the bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What stays on the screen while the picture moves: a logo, a caption, a time stamp."""

    share: float
    """Share of the picture, 0 to 1; 0 where nothing was found."""

    place: Crop | None = None
    """Where the largest lies, in pixels of the source, after rotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAs:
    """How a film stored its pictures, before they became SDR and whole; None: it does not say."""

    transfer: str | None = None
    """Its transfer function: `bt709`, `smpte170m`, `pq`, `hlg`, ..."""

    primaries: str | None = None
    """Its primaries: `bt709`, `bt2020`, `display-p3`, ..."""

    field_order: str | None = None
    """`progressive`, `top first` or `bottom first`, as its header has it."""

    interlaced_was: bool | None = None
    """Whether its frames said, or showed, that they were made of fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilizationFigures:
    """How well a clip was stabilized; every figure is stored with the strip."""

    inlier_ratio: float
    """Share, 0 to 1, of the keypoints that the camera path explains over the whole window; where
    none were followed, as on a tripod, of the blocks of the picture that show texture."""

    reprojection_rmse_px: float
    """Largest root mean square distance of a frame's inliers, in working pixels."""

    visible_share: float
    """Least share, 0 to 1, of the strip that a frame fills with its own pixels."""

    camera_motion_px: float
    """Largest way that a corner of the strip was moved to stand still, in strip pixels."""

    camera_still: bool
    """The camera did not move, so the frames were left exactly as they are."""

    motion_model: str = "homography"
    """The simplest map that explains the camera: still, shift, similarity, affine, homography; or
    parallax, where a scene with depth was kept from trembling instead."""

    condition_number: float = 1.0
    """Worst ratio of the largest to the least singular value of a frame's map, in strip units:
    1 is a rigid motion."""

    drift_px: float = 0.0
    """Largest disagreement between the direct and the chained estimate of a frame, strip pixels.
    Of a parallax, how far the planes have moved apart."""

    jitter_px: float = 0.0
    """Tremble that is left: root mean square of the background's second difference in time, in
    strip pixels."""

    residual_motion_px: float = 0.0
    """Camera motion that is left: median way of the background from where it was in frame 0, in
    the worst frame, in strip pixels."""

    filled_share: float = 0.0
    """Mean share, 0 to 1, of the strip's pixels that come from an earlier frame."""

    object_motion: float = 0.0
    """How much moves when the camera stands still: share of the picture, 0 to 1."""

    flicker: float = 0.0
    """Mean over pixels of the median over time of the change between neighboring frames, 0 to
    255, before JPEG."""

    still_share: float | None = None
    """How much of what shows texture stands still, by area, 0 to 1; None where nobody looked."""

    still_rim: float | None = None
    """As `still_share`, at the left, right and upper rim of the film's picture."""

    still_sides: int | None = None
    """At how many of its four sides something stands still."""

    still_margin: float | None = None
    """By how much, 0 to 2, the camera path holds more of picture and rim than the next best one
    that was tried and differs from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One accepted clip: 32 stabilized frames, top to bottom in one JPEG."""

    index: int
    """Number of its window within the video, from 0; windows that were dropped count too."""

    start_frame: int
    """First frame, counted in decoded frames of the source from 0."""

    start_s: float
    """Time stamp of the first frame, in seconds from the start of the video."""

    fps: float
    """Frames per second of the strip. Of a film that repeats its frames, what it was filmed at."""

    source_step: int
    """Source frames per strip frame: 1 to 8, and more where the film repeats its frames."""

    source_width: int
    source_height: int
    """Size of the source picture, in pixels, after rotation."""

    size: int
    """Width and height of one frame of the strip, in pixels."""

    jpeg: bytes
    """JPEG of (32 * size, size, 3)."""

    to_first: Homographies
    """Maps source pixels of frame t to those of frame 0, (32, 3, 3)."""

    figures: StabilizationFigures
    scenes: SceneTags | None
    """None where no classifier was given."""

    source_frames: tuple[int, ...] | None = None
    """Which frames of the source these are, counted in decoded frames from 0; None: every
    `source_step`-th from `start_frame` on."""

    crop: Crop | None = None
    """What black bars and logos leave of the source picture; None: all of it."""

    overlay: Overlay | None = None
    """What stayed on the screen before it was cut off; None where the camera hardly moved, so that
    nobody can tell."""

    stored_as: StoredAs = StoredAs()
    """How the film stored these pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What became of one window of 32 frames: a strip, or a reason."""

    index: int
    start_frame: int
    frame_step: int = 1
    """Frames of the source per frame of the window."""

    source_frames: tuple[int, ...] | None = None
    """As in `Strip`; `frame_step` is then a mean, and rounded."""

    strip: Strip | None = None
    reason: RejectReason | None = None
    detail: str = ""
    """The figures behind the reason, in words; empty for an accepted clip."""

    to_first: Homographies | None = None
    """As in `Strip`; also for a dropped clip whose camera path is known."""

    start_s: float | None = None
    """As in `Strip`, also for a dropped clip; None where the film broke off before its frame."""

    crop: Crop | None = None
    """As in `Strip`, also for a dropped clip."""

    overlay: Overlay | None = None
    """As in `Strip`."""

    stored_as: StoredAs = StoredAs()
    """As in `Strip`, also for a dropped clip."""

    frames: Frames | None = field(default=None, repr=False)
    """The stabilized frames, (32, S, S, 3), as they were before JPEG; None for a dropped clip."""

    @property
    def certificate(self) -> StabilizationFigures | None:
        """How well it was stabilized; None for a dropped clip."""
        return None if self.strip is None else self.strip.figures


@dataclass(frozen=True, slots=True)
class Pace:
    """How frames are taken out of a film."""

    fps: Fraction
    """Frames per second that are taken, all of them different."""

    step: Fraction
    """Source frames from one to the next, as a mean: no whole number where a film repeats every
    fifth frame, for instance."""

    refusal: str = ""
    """Why nothing can be made of frames at this pace, in words; empty if it can."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the decoder learned of a video."""

    width: int
    height: int
    """Picture in pixels, after rotation."""

    fps: Fraction
    """Native frame rate."""

    step: int
    """Every how many frames are taken."""

    @property
    def pace(self) -> Pace:
        """The pace of a film that repeats no frames."""
        return Pace(self.fps / self.step, Fraction(self.step))


@dataclass(slots=True)
class ClipCounts:
    """The books of one video, in clips."""

    accepted: int = 0
    rejected: dict[RejectReason, int] = field(default_factory=dict)
    first_details: dict[RejectReason, str] = field(default_factory=dict)

    def add(self, clip: Clip) -> None:
        """Count one clip."""
        if clip.reason is None:
            self.accepted += 1
            return
        self.rejected[clip.reason] = self.rejected.get(clip.reason, 0) + 1
        self.first_details.setdefault(clip.reason, clip.detail)


def frames_of_film(start: int, step: int, listed: Sequence[int] | None) -> tuple[int, ...]:
    """Tell which 32 frames of its film a strip shows, from what its row or clips.json says."""
    return tuple(listed or range(start, start + STRIP_FRAMES * step, step))


def check_frames(frames: Frames | Sequence[Frame]) -> None:
    """Refuse anything but at least one RGB frame of bytes, with a ValueError."""
    array = np.asarray(frames)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3 or len(array) == 0:
        raise ValueError(f"want RGB frames (T, H, W, 3) uint8, got {array.shape} {array.dtype}")
