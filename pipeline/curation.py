"""The way of one video: frames -> windows -> stabilize -> tag -> strips.

    open_video        a stream of small RGB frames, each picture once      pipeline.decode
    BarWatch          black bars are cut off, once per shot                pipeline.windows
    CutDetector       a window ends where a shot ends                      pipeline.windows
    check_window      no gap in time, no fade, no slide, no black          pipeline.windows
    find_camera_path  where every frame lies in frame 0                    pipeline.stabilize
    find_on_screen    logos and captions are cut off, if a strip is left   pipeline.windows
    render_clip       32 still frames of 128 x 128                         pipeline.stabilize
    check_one_scene   no dissolve, no jump cut                             pipeline.windows
    certify           how well that went, or why the clip is unfit         pipeline.stabilize
    tag_shot          the scene, once per shot, from its first frame       pipeline.tag
    encode_strip      one JPEG                                             pipeline.strips

Every window of 32 frames ends as one `Clip`: with a strip, or with a reason. A cut, a gap in time,
a change of pace or of size, or damage ends its window early, as does a dissolve that is only seen
once the camera is known, and the next window begins behind it; otherwise windows follow each other
without gap or overlap. What is left at the end, fewer than 32 frames, is no window.

Cost: about 6 ms per frame of 360p on one core (benchmarks/RESULTS.md); 32 small frames in memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from tinyvideo.pipeline.decode import FramesConfig, OpenVideo, Stretch, TimedFrame, open_video
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import rectangle_in
from tinyvideo.pipeline.stabilize import (
    CameraPath,
    StabilizeConfig,
    certify,
    find_camera_path,
    render_clip,
)
from tinyvideo.pipeline.strips import StripConfig, crop_to_strip, encode_strip
from tinyvideo.pipeline.tag import Classifier, TagConfig, tag_shot
from tinyvideo.pipeline.types import (
    STRIP_FRAMES,
    Clip,
    Crop,
    Frame,
    Frames,
    Homographies,
    Overlay,
    Pace,
    SceneTags,
    StoredAs,
    Strip,
)
from tinyvideo.pipeline.windows import (
    BarsConfig,
    BarWatch,
    CutDetector,
    SceneChangeError,
    SceneConfig,
    ScreenConfig,
    ShotConfig,
    WindowConfig,
    check_one_scene,
    check_window,
    crop_beside,
    find_on_screen,
    overlay_of,
    refuse_overlay,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurationConfig:
    """Everything that decides which pixels end up in a shard; its hash is stored in every row."""

    frames: FramesConfig = field(default_factory=FramesConfig)
    bars: BarsConfig = field(default_factory=BarsConfig)
    shots: ShotConfig = field(default_factory=ShotConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    stabilize: StabilizeConfig = field(default_factory=StabilizeConfig)
    screen: ScreenConfig = field(default_factory=ScreenConfig)
    scene: SceneConfig = field(default_factory=SceneConfig)
    strips: StripConfig = field(default_factory=StripConfig)
    tag: TagConfig = field(default_factory=TagConfig)

    @classmethod
    def of(cls, *, size: int, method: str) -> "CurationConfig":
        """Take a size of strips, in pixels, and a method of `pipeline.stabilize`.

        Raises:
            ValueError: no such method, or the size is no strip's.
        """
        return cls(
            # The method of 2016 works on full-size frames.
            frames=FramesConfig(working_px=None) if method == "paper" else FramesConfig(),
            stabilize=StabilizeConfig(method=method),
            strips=StripConfig(size=size),
        )


DEFAULT_CONFIG = CurationConfig()

RATE_SLACK = 0.015
"""How far the time stamps of a window may be off the rate that is meant. Ours: rounded to
hundredths of a second, they are off by 0.01 at 30 per second."""

UNFOUND = frozenset(
    {
        RejectReason.FOREGROUND,
        RejectReason.REPROJECTION_ERROR,
        RejectReason.TOO_FEW_INLIERS,
        RejectReason.OUT_OF_VIEW,
    }
)
"""Reasons behind which there may be a second scene: no path holds two."""


def curate(
    path: Path, classifier: Classifier | None, config: CurationConfig = DEFAULT_CONFIG
) -> Iterator[Clip]:
    """Yield what became of every window of the video at `path`, in order.

    Raises:
        RejectedError: the whole video is unfit; clips that were yielded before stand.
        UnreadableError: the file cannot be opened.
        MemoryError: the process may not take as much memory as the video needs.
    """
    try:
        with open_video(path, config.frames) as video:
            bars = BarWatch(video, config.bars)
            detector = CutDetector[TimedFrame](config.shots, config.stabilize.match)
            yield from _Curation(video, classifier, config, bars, detector).clips()
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        raise


def use_one_thread() -> None:
    """Keep OpenCV and NumPy to the thread that calls them, in a process that is one of several."""
    cv2.setNumThreads(1)
    threadpool_limits(1)


@dataclass(slots=True)
class _Curation:
    """The state of one pass over one video."""

    video: OpenVideo
    classifier: Classifier | None
    config: CurationConfig
    bars: BarWatch
    detector: CutDetector[TimedFrame]
    window: list[TimedFrame] = field(default_factory=list)
    last: TimedFrame | None = None
    shot_start: list[Frame] = field(default_factory=list)
    scenes: SceneTags | None = None
    index: int = 0
    seen: Stretch | None = None
    """Where the film is, ahead of the frames that wait for a cut to show itself."""

    follows: bool = False
    """Whether the next frame follows the last one in the film."""

    shown: tuple[Crop | None, StoredAs] = (None, StoredAs())
    """Of the last frame: the part of its picture that is no bar, and how the film stores it."""

    fading: bool = False
    """A dissolve was still on its way at the end of the last window."""

    doubtful: bool = False
    """The last strip may be the beginning of a dissolve: the next window will tell."""

    def clips(self) -> Iterator[Clip]:
        refused: list[Clip] = []
        waiting: Clip | None = None
        for clip in self._clips():
            if clip.reason is RejectReason.FRAME_RATE and len(refused) == clip.index:
                refused.append(clip)  # a film that is nothing else is refused as a whole
                continue
            yield from refused
            refused.clear()
            if waiting is not None:
                yield _undone(waiting, clip) if clip.reason is RejectReason.DISSOLVE else waiting
            waiting = clip if self.doubtful and clip.strip is not None else None
            if waiting is None:
                yield clip
        if waiting is not None:
            yield waiting
        if refused and len(refused) == self.index:
            raise RejectedError(RejectReason.FRAME_RATE, refused[0].detail)

    def _clips(self) -> Iterator[Clip]:
        try:
            for frame in self.video:
                if (fault := self._is_behind_fault(frame)) is not None:
                    yield from self._end_at(fault)
                yield from self._watch(self.detector.push(frame, frame.gray))
                self.seen = frame.stretch
            yield from self._watch(self.detector.flush())
        except RejectedError as error:
            yield from self._watch(self.detector.flush())
            if self.last is None:
                raise
            # What came before the break is as good as ever; the break itself is one lost window.
            yield self._drop(error.reason, error.detail)
        if self.index == 0:
            count = len(self.window)
            if self.window and self._pace().refusal:
                raise RejectedError(RejectReason.FRAME_RATE, self._pace().refusal)
            detail = f"{count} frame{'' if count == 1 else 's'}, a window needs {STRIP_FRAMES}"
            raise RejectedError(RejectReason.TOO_SHORT, detail)

    def _watch(self, frames: Iterable[tuple[TimedFrame, bool]]) -> Iterator[Clip]:
        crop = self.video.crop
        for waited, new_shot in frames:
            frame = waited
            if self.video.crop != crop and waited.source is not None:
                frame = replace(waited, image=self.video.cut(waited.source))
                self.detector.see_again(frame.gray)
            yield from self._take(frame, new_shot=new_shot)

    def _end_at(self, fault: Stretch) -> Iterator[Clip]:
        """End what lies before a fault; it is an entry even where a window was just full."""
        for frame, new_shot in self.detector.flush():
            if new_shot and self.window:
                yield self._cut_at(frame)
            self.window.append(frame.without_source())
        yield self._drop(fault.reason, fault.cause)
        self.detector.forget()
        self.follows = False

    def _take(self, frame: TimedFrame, *, new_shot: bool) -> Iterator[Clip]:
        small = frame.without_source()
        if new_shot and self.window:
            yield self._cut_at(frame)
        if self.window and (cause := self._border(frame)):
            yield self._drop(RejectReason.UNEVEN_TIMING, cause)
        if new_shot or not self.follows:
            self.shot_start, self.scenes, self.follows = [], None, True
            self.bars.begin_shot()
        if len(self.shot_start) < self.config.tag.max_frames:
            self.shot_start.append(frame.image)
        self.last = small
        self.window.append(small)
        if (cut_anew := self.bars.look(frame)) is not None:
            self._take_anew(cut_anew)
        self.shown = self.video.crop, self.video.stored_as
        if len(self.window) == STRIP_FRAMES:
            yield self._judge()

    def _cut_at(self, frame: TimedFrame) -> Clip:
        return self._drop(RejectReason.SHOT_CUT, f"a new shot begins at frame {frame.index}")

    def _take_anew(self, window: list[TimedFrame]) -> None:
        images = [frame.image for frame in window]
        self.window, self.last = window, window[-1]
        self.shot_start = images[: self.config.tag.max_frames]
        self.detector.see_again(window[-1].gray)

    def _judge(self) -> Clip:
        to_first: Homographies | None = None
        images = np.stack([frame.image for frame in self.window])
        try:
            check_window(self.window, self.video.facts, self.config.window)
            grays = [frame.gray for frame in self.window]
            path = find_camera_path(images, self.config.stabilize, grays)
            to_first = self._in_source_pixels(path.to_first)
            return self._accept(images, path)
        except SceneChangeError as change:
            return self._begin_behind(change)
        except RejectedError as error:
            if error.reason in UNFOUND and (seen := self._scene_change(images)) is not None:
                return self._begin_behind(seen)
            return self._drop(error.reason, error.detail, to_first)

    def _scene_change(self, images: Frames) -> SceneChangeError | None:
        """Look for a second scene where no camera path was found, which may be the cause."""
        try:
            check_one_scene(images, self.config.scene, fading=self.fading)
        except SceneChangeError as change:
            return change
        return None

    def _accept(self, images: Frames, path: CameraPath) -> Clip:
        size = self.config.strips.size
        images, path, shown, overlay = self._beside_logos(images, path)
        crop = crop_to_strip(images.shape[2], images.shape[1], size)
        path, rendering = render_clip(images, path, crop, size, self.config.stabilize)
        figures = certify(path, rendering, crop, self.config.stabilize)
        self.doubtful = check_one_scene(rendering.frames, self.config.scene, fading=self.fading)
        first, facts = self.window[0], self.video.facts
        step, source_frames = self._place()
        to_first = self._in_source_pixels(path.seen_from(shown, back=True).to_first)
        shown_in_source = self._crop_in_source(shown)
        strip = Strip(
            index=self.index,
            start_frame=first.index,
            start_s=first.time_s,
            fps=self._measured_fps(),
            source_step=step,
            source_frames=source_frames,
            source_width=facts.width,
            source_height=facts.height,
            size=size,
            jpeg=encode_strip(rendering.frames, self.config.strips.jpeg_quality),
            to_first=to_first,
            figures=figures,
            scenes=self._tag_once(),
            crop=shown_in_source,
            overlay=overlay,
            stored_as=self.video.stored_as,
        )
        return self._next(
            Clip(
                index=self.index,
                start_frame=first.index,
                frame_step=step,
                source_frames=source_frames,
                strip=strip,
                to_first=to_first,
                start_s=first.time_s,
                crop=shown_in_source,
                overlay=overlay,
                stored_as=self.video.stored_as,
                frames=rendering.frames,
            )
        )

    def _beside_logos(
        self, images: Frames, path: CameraPath
    ) -> tuple[Frames, CameraPath, Crop | None, Overlay | None]:
        """Cut off what stays on the screen, if a strip of the same size is left."""
        patches = find_on_screen(images, path.to_first, self.config.screen)
        if patches is None:
            return images, path, None, None
        height, width = images.shape[1:3]
        found = overlay_of(patches, width, height)
        if found.place is None:
            return images, path, None, found
        shown = crop_beside(patches, width, height)
        if shown is None:
            raise refuse_overlay(found, width, height)
        right, bottom = shown.left + shown.width, shown.top + shown.height
        part = images[:, shown.top : bottom, shown.left : right]
        overlay = replace(found, place=self._in_source(found.place))
        return np.ascontiguousarray(part), path.seen_from(shown), shown, overlay

    def _crop_in_source(self, shown: Crop | None) -> Crop | None:
        return self.video.crop if shown is None else self._in_source(shown)

    def _in_source(self, part: Crop) -> Crop:
        return rectangle_in(part, np.asarray(np.linalg.inv(self.video.source_to_working), float))

    def _begin_behind(self, change: SceneChangeError) -> Clip:
        # Frames of the scene that comes are the first of the next window.
        rest = self.window[change.frame :]
        self.window = self.window[: change.frame]
        begins = f"; the next window begins at frame {rest[0].index}" if rest else ""
        dropped = self._drop(change.reason, change.detail + begins)
        self.window = rest
        self.fading = change.reason is RejectReason.DISSOLVE and not rest
        if rest:
            self.shot_start = [frame.image for frame in rest][: self.config.tag.max_frames]
            self.scenes = None
        return dropped

    def _drop(
        self, reason: RejectReason, detail: str, to_first: Homographies | None = None
    ) -> Clip:
        step, source_frames = self._place()
        if self.window and self._pace().refusal:
            reason, detail = RejectReason.FRAME_RATE, self._pace().refusal
        return self._next(
            Clip(
                index=self.index,
                start_frame=self.window[0].index if self.window else self._after_last(),
                frame_step=step,
                source_frames=source_frames,
                reason=reason,
                detail=detail,
                to_first=to_first,
                start_s=self.window[0].time_s if self.window else None,
                crop=self.shown[0],
                stored_as=self.shown[1],
            )
        )

    def _pace(self) -> Pace:
        return self.window[0].pace or self.video.facts.pace

    def _is_behind_fault(self, frame: TimedFrame) -> Stretch | None:
        """The stretch that begins with this frame, if it does so because the film has a fault."""
        stretch = frame.stretch
        new = stretch is not None and stretch.is_behind_fault and stretch != self.seen
        return stretch if new else None

    def _border(self, frame: TimedFrame) -> str:
        """Why no window can hold this frame and those before it; empty if one can."""
        before = self.window[0]
        if frame.stretch is not None and frame.stretch != before.stretch:
            return frame.stretch.cause
        return self._change_of_pace(frame) if frame.pace != before.pace else ""

    def _change_of_pace(self, frame: TimedFrame) -> str:
        now = frame.pace or self.video.facts.pace
        rates = f"{float(now.fps):.5g} instead of {float(self._pace().fps):.5g}"
        return f"from frame {frame.index} on, the film shows {rates} pictures per second"

    def _measured_fps(self) -> float:
        # A rate that is meant is more exact than time stamps; one that drifts is not meant.
        told, seconds = float(self._pace().fps), self.window[-1].time_s - self.window[0].time_s
        if self._place()[1] is not None:  # of a film that repeats its pictures unevenly
            return told
        seen = (len(self.window) - 1) / seconds if seconds > 0 else told
        return told if abs(seen / told - 1) <= RATE_SLACK else seen

    def _place(self) -> tuple[int, tuple[int, ...] | None]:
        # Frames of the film from one of the window to the next, and which ones if that is uneven.
        indices = [frame.index for frame in self.window]
        steps = {after - before for before, after in pairwise(indices)}
        if len(steps) < 2:
            return (steps or {self.video.facts.step}).pop(), None
        return round((indices[-1] - indices[0]) / (len(indices) - 1)), tuple(indices)

    def _after_last(self) -> int:
        return self.last.index + self.video.facts.step if self.last else 0

    def _next(self, clip: Clip) -> Clip:
        self.window, self.fading = [], False
        self.bars.begin_window()
        self.index += 1
        return clip

    def _tag_once(self) -> SceneTags | None:
        # Only a shot that gives a strip is worth what the classifier costs.
        if self.scenes is None and self.classifier is not None:
            frames = np.stack(self.shot_start)
            self.scenes = tag_shot(frames, self.classifier, self.config.tag)
        return self.scenes

    def _in_source_pixels(self, to_first: Homographies) -> Homographies:
        to_working = self.video.source_to_working
        in_source: Homographies = np.linalg.inv(to_working) @ to_first @ to_working
        return np.asarray(in_source / in_source[:, 2:, 2:])


def _undone(clip: Clip, dissolve: Clip) -> Clip:
    """Drop a strip in which the dissolve of the next window had begun."""
    detail = f"another scene fades in: {dissolve.detail}"
    return replace(clip, strip=None, frames=None, reason=RejectReason.DISSOLVE, detail=detail)
