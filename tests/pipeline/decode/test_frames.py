"""Decoding is checked against films that the tests drew and encoded, and against broken ones."""

import os
import shutil
import struct
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.drawn.films import (
    film,
    flat,
    pan,
    repeated,
    shaky_path,
    texture,
    write_sound,
    write_video,
)
from tests.pipeline.find.test_folders import ODD_NAMES
from tinyvideo.pipeline.decode.container import rejecting
from tinyvideo.pipeline.decode.frames import FramesConfig, choose_step, open_video
from tinyvideo.pipeline.errors import RejectedError, RejectReason, UnreadableError
from tinyvideo.pipeline.types import Crop

SOURCE_PIXELS = FramesConfig(working_px=None)


def numbered(frames, height=96, width=128):
    """Draw frames that tell their number by their gray value: 8 per frame, from 20."""
    return np.concatenate([flat(1, 20 + 8 * number, height, width) for number in range(frames)])


def read(path, config=None):
    with open_video(path, config or FramesConfig()) as video:
        return video.facts, list(video)


def numbers(frames):
    return [round((frame.image.mean() - 20) / 8) for frame in frames]


def rejection(path, config=None):
    with pytest.raises(RejectedError) as caught:
        read(path, config)
    return caught.value


# What is decoded.


def test_yields_every_frame_once_in_order(tmp_path):
    path = write_video(tmp_path / "a.mp4", numbered(25))  # with B-frames: stored in another order
    facts, frames = read(path)

    assert (facts.width, facts.height, facts.fps, facts.step) == (128, 96, 25, 1)
    assert numbers(frames) == list(range(25))
    assert [frame.index for frame in frames] == list(range(25))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(25) / 25)


def test_indexes_count_the_frames_that_a_step_leaves_out(tmp_path):
    path = write_video(tmp_path / "a.mp4", numbered(13), fps=75)
    facts, frames = read(path)

    assert facts.step == 3
    assert [frame.index for frame in frames] == [0, 3, 6, 9, 12] == numbers(frames)
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(5) * 3 / 75)


def test_full_size_frames_are_the_very_pixels_of_the_source(tmp_path):
    drawn = np.stack([texture(seed, 99, 131) for seed in range(3)])
    path = write_video(tmp_path / "a.mkv", drawn, codec="ffv1")
    with open_video(path, SOURCE_PIXELS) as video:
        assert np.array_equal(np.stack([frame.image for frame in video]), drawn)
        assert np.array_equal(video.source_to_working, np.eye(3))


def test_time_stamps_of_a_variable_rate_come_out_as_they_went_in(tmp_path):
    times = [0, 0.03, 0.08, 0.1, 0.2, 0.22, 0.26, 0.3, 0.34, 0.4]
    path = write_video(tmp_path / "a.mp4", numbered(10), times=times)
    _, frames = read(path)
    np.testing.assert_allclose([frame.time_s for frame in frames], times, atol=1e-4)


def test_time_begins_with_the_first_frame(tmp_path):
    path = write_video(tmp_path / "a.mkv", numbered(3), times=[5, 5.04, 5.08])
    _, frames = read(path)
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.04, 0.08], atol=1e-3)


def test_b_frames_in_avi_are_timed_in_the_order_in_which_they_are_shown(tmp_path):
    """AVI has no time stamps; libav's guesses go back and forth, and the last frames have none."""
    _, frames = read(write_video(tmp_path / "a.avi", numbered(20)))
    assert numbers(frames) == list(range(20))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(20) / 25)


def test_brightness_is_made_once_though_the_source_is_let_go(tmp_path):
    write_video(tmp_path / "a.mp4", film([np.eye(3)] * 3))

    with open_video(tmp_path / "a.mp4") as video:
        frame = next(iter(video))

    asked = frame.gray
    assert frame.without_source().gray is asked


def test_a_short_film_is_a_film(tmp_path):
    assert len(read(write_video(tmp_path / "a.mp4", numbered(3)))[1]) == 3


def test_the_sound_may_outlast_the_picture(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(path, "w") as output:
        picture = output.add_stream("ffv1", rate=25, width=128, height=96, pix_fmt="bgr0")
        sound = output.add_stream("aac", rate=48_000, layout="mono")
        for image in numbered(25):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        for start in range(0, 96_000, 1024):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            silence.sample_rate, silence.pts = 48_000, start
            output.mux(sound.encode(silence))
        output.mux(picture.encode() + sound.encode())
    assert len(read(path)[1]) == 25


def test_decoding_starts_no_threads(tmp_path):
    path = write_video(tmp_path / "a.mp4", texture(0, 360, 640)[None].repeat(8, axis=0))
    before = len(list(Path("/proc/self/task").iterdir()))
    with open_video(path) as video:
        during = {len(list(Path("/proc/self/task").iterdir())) for _ in video}
    assert during == {before}


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_a_closed_video_yields_nothing_more(tmp_path, taken):
    with open_video(write_video(tmp_path / "a.mp4", numbered(9))) as video:
        assert len(list(islice(video, taken))) == taken
    assert list(video) == []


# Where the pixels of a working frame come from.


def measured_shift(image, expected):
    """Fit (dx, dy), in pixels, by which `image` is shifted against `expected`, both (H, W)."""
    slope_y, slope_x = np.gradient(expected)
    terms = np.stack([slope_x.ravel(), slope_y.ravel(), expected.ravel(), np.ones(image.size)], 1)
    dx, dy, gain, _ = np.linalg.lstsq(terms, image.ravel(), rcond=None)[0]
    return dx / gain, dy / gain


@pytest.mark.parametrize(
    ("width", "height", "pixel_aspect", "working"),
    [
        pytest.param(640, 360, Fraction(1), (427, 240), id="360p"),
        pytest.param(480, 270, Fraction(1), (427, 240), id="barely-shrunk"),
        pytest.param(1920, 1080, Fraction(1), (427, 240), id="1080p"),
        pytest.param(701, 523, Fraction(1), (322, 240), id="odd"),
        pytest.param(240, 426, Fraction(1), (240, 426), id="not-shrunk"),
        pytest.param(160, 120, Fraction(1), (160, 120), id="never-enlarged"),
        pytest.param(720, 576, Fraction(16, 11), (436, 240), id="wide-pixels"),
        pytest.param(720, 480, Fraction(8, 9), (320, 240), id="narrow-pixels"),
        pytest.param(176, 144, Fraction(12, 11), (176, 132), id="small-and-wide-pixels"),
    ],
)
def test_source_to_working_is_exact(tmp_path, width, height, pixel_aspect, working):
    def waves(x, y):  # in picture heights; the shortest wave has 21 working pixels
        return 128 + 40 * np.sin(60 * x + 35 * y) + 40 * np.cos(30 * x - 60 * y)

    x, y = np.meshgrid(np.arange(width), np.arange(height))
    gray = np.rint(waves(x / height, y / height)).astype(np.uint8)
    frames = np.repeat(gray[None, ..., None], 3, axis=-1)
    codec = "ffv1" if width % 2 else "libx264"
    path = write_video(tmp_path / "a.mkv", frames, codec=codec, crf=0, pixel_aspect=pixel_aspect)
    with open_video(path) as video:
        image = next(iter(video)).image
        to_source = np.linalg.inv(video.source_to_working)

    assert image.shape == (working[1], working[0], 3)
    x, y = np.meshgrid(np.arange(working[0]), np.arange(working[1]))
    x = to_source[0, 0] * x + to_source[0, 2]
    y = to_source[1, 1] * y + to_source[1, 2]
    expected = waves(x / height, y / height)
    np.testing.assert_allclose(measured_shift(image[..., 1].astype(float), expected), 0, atol=0.02)


CORNERS = np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [250, 250, 250]]], np.uint8)
"""Red, green / blue, white."""


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_comes_out_upright(tmp_path, rotation, mirrored, container):
    stored = CORNERS.repeat(64, axis=0).repeat(96, axis=1)  # 192 x 128
    shown = np.rot90(CORNERS, rotation // 90)  # NumPy turns counterclockwise too
    shown = shown[:, ::-1] if mirrored else shown
    path = tmp_path / f"a.{container}"
    write_video(path, [stored] * 2, rotation=rotation, mirrored=mirrored)
    facts, (first, _) = read(path)

    upright = (128, 192) if rotation in {90, 270} else (192, 128)
    assert (facts.width, facts.height) == upright
    height, width = first.image.shape[:2]
    assert (width, height) == upright
    assert first.image.flags.c_contiguous
    corners = first.image[height // 4 :: height // 2, width // 4 :: width // 2]
    np.testing.assert_allclose(corners, shown, atol=12)  # H.264 and its colors are not exact


def test_source_to_working_is_of_the_upright_source(tmp_path):
    path = write_video(tmp_path / "a.mp4", flat(2, 128, 360, 640), rotation=90)
    with open_video(path) as video:
        facts, homography = video.facts, video.source_to_working

    assert (facts.width, facts.height) == (360, 640)
    # 360 x 640 becomes 240 x 427; the corners of the picture, at half pixels, meet
    corners = np.array([[-0.5, 359.5], [-0.5, 639.5], [1, 1]])
    np.testing.assert_allclose(homography @ corners, [[-0.5, 239.5], [-0.5, 426.5], [1, 1]])


def with_exif(jpeg, orientation):
    """Insert an EXIF header that says how to turn the picture behind the first two bytes."""
    entry = struct.pack("<HHHII", 1, 0x0112, 3, 1, orientation)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + entry + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def test_reads_motion_jpeg_whose_frames_carry_exif(tmp_path):
    """PyAV then refuses to list what comes with a frame, the display matrix among it."""
    stored = CORNERS.repeat(64, axis=0).repeat(96, axis=1)
    path = tmp_path / "a.avi"
    with av.open(path, "w") as output:
        stream = output.add_stream("mjpeg", rate=25, width=192, height=128, pix_fmt="yuvj420p")
        for packet in stream.encode(av.VideoFrame.from_ndarray(stored, "rgb24")):
            turned = av.Packet(with_exif(bytes(packet), orientation=6))  # 6: 90 degrees clockwise
            turned.stream, turned.time_base = stream, packet.time_base
            turned.pts, turned.dts, turned.is_keyframe = packet.pts, packet.dts, True
            output.mux(turned)
    facts, (first,) = read(path)

    assert (facts.width, facts.height) == (128, 192)
    np.testing.assert_allclose(first.image[48::96, 32::64], np.rot90(CORNERS, 3), atol=12)


# Frame rates.


@pytest.mark.parametrize(
    ("fps", "step"),
    [
        (Fraction(10), 1),
        (Fraction(12), 1),
        (Fraction(14_999_925, 1_000_000), 1),  # as an old camera has it: 15
        (Fraction(18), 1),
        (Fraction(20), 1),
        (Fraction(24000, 1001), 1),
        (Fraction(25), 1),
        (Fraction(30000, 1001), 1),
        (Fraction(35), 1),
        (Fraction(35_003, 1000), 1),  # measured by the container: 35
        (Fraction(36), 2),
        (Fraction(40), 2),
        (Fraction(48), 2),
        (Fraction(60000, 1001), 2),
        (Fraction(60), 2),
        (Fraction(71), 3),
        (Fraction(100), 3),
        (Fraction(105), 3),
        (Fraction(120), 4),
        (Fraction(240), 7),
        (Fraction(280), 8),
    ],
)
def test_takes_the_smallest_step_to_10_to_35_fps(fps, step):
    assert choose_step(fps, FramesConfig()) == step


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(6), Fraction(9), Fraction(300)])
def test_no_step_fits(fps):
    with pytest.raises(RejectedError, match=rf"frame_rate: {fps} fps; no step of 1 to 8"):
        choose_step(fps, FramesConfig())


def test_a_slow_film_says_at_each_frame_why_it_is_refused(tmp_path):
    facts, frames = read(write_video(tmp_path / "a.mp4", numbered(9), fps=6))
    assert facts.fps == 6
    assert {frame.pace.refusal[:6] for frame in frames} == {"6 fps;"}


# Bad input.


def cut(path, share=0.5):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    return path


def shaky(frames=40):
    return film([pan(2 * t, t) for t in range(frames)], height=96, width=128)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        pytest.param(b"", "", id="empty"),
        pytest.param(b"these are words, not pixels\n" * 99, "", id="text"),
        pytest.param(bytes(5000), "", id="zeros"),
        pytest.param(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "moov atom not found", id="no-index"),
    ],
)
def test_what_is_not_a_video(tmp_path, content, cause):
    (tmp_path / "a.mp4").write_bytes(content)
    error = rejection(tmp_path / "a.mp4")
    assert error.reason is RejectReason.NOT_A_VIDEO
    assert "Invalid data found when processing input" in error.detail
    assert cause in error.detail


def test_an_image_is_not_a_video(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), texture(0, 96, 128))
    (tmp_path / "a.png").rename(tmp_path / "a.mp4")
    error = rejection(tmp_path / "a.mp4")
    assert error.reason is RejectReason.NOT_A_VIDEO
    assert "Format not on whitelist" in error.detail


def test_half_a_film_whose_index_is_at_the_end_is_not_a_video(tmp_path):
    error = rejection(cut(write_video(tmp_path / "a.mp4", shaky())))
    assert error.reason is RejectReason.NOT_A_VIDEO
    assert "moov atom not found" in error.detail


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        pytest.param("a.mp4", "libx264", {"movflags": "faststart"}, id="mp4-faststart"),
        pytest.param("a.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}, id="mp4-parts"),
        pytest.param("a.mkv", "libx264", {}, id="mkv"),
        pytest.param("a.avi", "mjpeg", {}, id="avi"),
        pytest.param("a.flv", "libx264", {}, id="flv"),
    ],
)
def test_half_a_film_yields_its_frames_and_is_then_rejected(tmp_path, name, codec, container):
    path = cut(write_video(tmp_path / name, shaky(), codec=codec, container=container), 0.6)
    frames = []
    with pytest.raises(RejectedError) as caught, open_video(path) as video:
        frames.extend(video)

    assert caught.value.reason is RejectReason.BROKEN_STREAM
    assert 0 < len(frames) < 40
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_a_film_cut_between_two_frames_is_missed_by_its_length(tmp_path):
    path = write_video(tmp_path / "a.avi", shaky(), codec="mjpeg")
    with av.open(path) as whole:
        end = [packet.pos for packet in whole.demux(video=0) if packet.size][20] - 8
    path.write_bytes(path.read_bytes()[:end])
    error = rejection(path)
    assert error.detail == "the header announces 1.60 s, the film ends after 0.80 s"


@pytest.mark.parametrize(
    ("share", "detail"),
    [
        pytest.param(0.5, "at frame 25: error while decoding MB", id="half-concealed"),
        pytest.param(1.0, "at frame 25: slice type 32 too large", id="nothing-left"),
    ],
)
def test_a_damaged_frame_is_told_and_costs_the_frames_up_to_the_next_key_frame(
    tmp_path, share, detail
):
    path = write_video(tmp_path / "a.mp4", shaky(), options={"g": "10", "bf": "0"})
    with av.open(path) as whole:
        packet = [packet for packet in whole.demux(video=0) if packet.size][25]
    end = packet.pos + packet.size
    start = end - round(share * (packet.size - 5))  # never the length and the kind, in front
    data = bytearray(path.read_bytes())
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with open_video(path) as video:
        frames = list(video)
    assert [round(25 * frame.time_s) for frame in frames] == [*range(25), *range(30, 40)]
    assert [frame.index for frame in frames] == list(range(35))
    before, behind = frames[24].stretch, frames[25].stretch
    assert not before.is_behind_fault
    assert behind.reason is RejectReason.CORRUPT
    assert detail in behind.cause
    assert behind is frames[-1].stretch


def test_a_picture_that_changes_its_size_goes_on_in_the_new_one(tmp_path):
    wide = write_video(tmp_path / "wide.ts", shaky(20)[:, :, :100]).read_bytes()
    narrow = write_video(tmp_path / "narrow.ts", shaky(20)[:, :, :80]).read_bytes()
    (tmp_path / "a.ts").write_bytes(wide + narrow)
    sizes, reasons = [], []
    with open_video(tmp_path / "a.ts") as video:
        for frame in video:
            sizes.append((frame.image.shape[1], video.facts.width))
            reasons.append(frame.stretch.reason)
            cause = frame.stretch.cause
    assert sizes == [(100, 100)] * 20 + [(80, 80)] * 20
    assert reasons[19:21] == [RejectReason.UNEVEN_TIMING, RejectReason.BROKEN_STREAM]
    assert "the picture changes from 100 x 96 to 80 x 96 px" in cause


def test_sound_alone_is_no_film(tmp_path):
    error = rejection(write_sound(tmp_path / "a.mp4"))
    assert error.reason is RejectReason.NO_VIDEO_STREAM
    assert error.detail.endswith("streams: audio")


def test_metadata_may_be_undecodable(tmp_path):
    path = write_video(tmp_path / "a.mp4", numbered(3))
    data = path.read_bytes()
    assert b"VideoHandler" in data
    path.write_bytes(data.replace(b"VideoHandler", b"\xff" * 12))
    assert len(read(path)[1]) == 3


def box(kind, content):
    return struct.pack(">I", 8 + len(content)) + kind + content


def test_a_cover_picture_is_no_film(tmp_path):
    data = write_sound(tmp_path / "a.mp4").read_bytes()
    _, jpeg = cv2.imencode(".jpg", texture(0, 96, 96))
    cover = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + jpeg.tobytes()))
    meta = box(
        b"meta", bytes(4) + box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9)) + box(b"ilst", cover)
    )
    start = data.rindex(b"moov") - 4  # the last box, so that nothing behind it moves
    moov = box(b"moov", data[start + 8 :] + box(b"udta", meta))
    (tmp_path / "a.mp4").write_bytes(data[:start] + moov)

    error = rejection(tmp_path / "a.mp4")
    assert error.reason is RejectReason.NO_VIDEO_STREAM
    assert error.detail.endswith("streams: audio, video")


@pytest.mark.parametrize(
    ("width", "height", "codec"),
    [
        pytest.param(1, 1, "ffv1", id="one-pixel"),
        pytest.param(640, 62, "libx264", id="flat"),
        pytest.param(8000, 80, "libx264", id="8000-px-wide"),
    ],
)
def test_a_picture_of_an_impossible_size_is_rejected(tmp_path, width, height, codec):
    error = rejection(write_video(tmp_path / "a.mkv", flat(3, 9, height, width), codec=codec))
    assert error.reason is RejectReason.FRAME_SIZE
    assert error.detail.startswith(f"{width} x {height} px")


def test_the_header_is_enough_to_reject_a_large_picture(tmp_path):
    path = write_video(tmp_path / "a.mkv", numbered(3))  # 128 x 96: the decoder would refuse it
    assert rejection(path, FramesConfig(max_side_px=100)).reason is RejectReason.FRAME_SIZE


def test_the_smallest_side_is_that_of_square_pixels(tmp_path):
    path = write_video(tmp_path / "a.mp4", flat(3, 9, 120, 320), pixel_aspect=Fraction(2))
    assert rejection(path).reason is RejectReason.FRAME_SIZE  # shown as 320 x 60
    assert read(path, FramesConfig(min_side_px=60))[1][0].image.shape == (60, 320, 3)


def test_a_picture_that_grows_beyond_the_largest_size_is_not_decoded(tmp_path):
    small = write_video(tmp_path / "small.ts", shaky(20)).read_bytes()
    large = write_video(tmp_path / "large.ts", flat(9, 9, 96, 400)).read_bytes()
    (tmp_path / "a.ts").write_bytes(small + large)
    error = rejection(tmp_path / "a.ts", FramesConfig(max_side_px=150))
    assert error.reason is RejectReason.BROKEN_STREAM
    assert error.detail.startswith(
        "Picture size 4"
    )  # said by the decoder, before there was a frame


# Files that cannot be opened, and files that want to open others.


def test_a_missing_file_keeps_the_true_text(tmp_path):
    with pytest.raises(UnreadableError, match=r"No such file or directory: '.*gone\.mp4'"):
        read(tmp_path / "gone.mp4")


def test_a_link_to_nowhere_keeps_the_true_text(tmp_path):
    (tmp_path / "a.mp4").symlink_to("gone")
    with pytest.raises(UnreadableError, match=r"No such file or directory: '.*a\.mp4'"):
        read(tmp_path / "a.mp4")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["fifo", "folder"])
def test_only_regular_files_are_opened(tmp_path, make):
    make(tmp_path / "a.mp4")
    with pytest.raises(UnreadableError, match=r"not a regular file: '.*a\.mp4'"):
        read(tmp_path / "a.mp4")


@pytest.mark.parametrize("closed", ["a.mp4", "."], ids=["file", "folder"])
def test_a_file_without_rights_keeps_the_true_text(nobody, closed):
    folder, without_rights = nobody
    path = write_video(folder / "a.mp4", numbered(3))
    (folder / closed).chmod(0)
    with without_rights(), pytest.raises(UnreadableError, match="Permission denied"):
        read(path)


@pytest.mark.parametrize("name", [os.fsdecode(name) for name in ODD_NAMES], ids=ascii)
def test_any_file_name_can_be_opened(tmp_path, monkeypatch, name):
    shutil.move(write_video(tmp_path / "a.mp4", numbered(3)), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(read(Path(name))[1]) == 3


@pytest.mark.parametrize(
    ("name", "playlist"),
    [
        pytest.param("a.mp4", "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", id="hls-as-mp4"),
        pytest.param("a.m3u8", "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", id="hls"),
        pytest.param("a.mp4", "ffconcat version 1.0\nfile '{}'\n", id="concat"),
    ],
)
def test_a_playlist_opens_no_other_file(tmp_path, monkeypatch, name, playlist):
    secret = write_video(tmp_path / "secret.ts", shaky())
    os.utime(secret, (1, 2))  # long before its last change: any reading would set the first
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(playlist.format("secret.ts"))

    assert rejection(Path(name)).reason is RejectReason.NOT_A_VIDEO
    assert secret.stat().st_atime == 1


# Errors of FFmpeg.


def test_want_of_memory_stays_want_of_memory():
    with pytest.raises(MemoryError) as caught, rejecting(RejectReason.BROKEN_STREAM):
        raise av.error.MemoryError(12, "Cannot allocate memory")
    assert type(caught.value) is MemoryError  # PyAV's own could not be sent to another process
    assert "Cannot allocate memory" in str(caught.value)


def test_a_failing_disk_is_not_the_fault_of_the_video():
    with (
        pytest.raises(UnreadableError, match="Input/output error"),
        rejecting(RejectReason.BROKEN_STREAM),
    ):
        raise OSError(5, "Input/output error")


def test_libav_is_as_silent_afterwards_as_it_was_before(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"text")
    rejection(tmp_path / "a.mp4")
    assert av.logging.get_level() is None
    assert av.logging.get_skip_repeated() is True


@pytest.mark.parametrize(
    "bad",
    [
        {"min_fps": 0},
        {"min_fps": 36},
        {"max_step": 0},
        {"working_px": 0},
        {"min_side_px": 0},
        {"max_side_px": 63},
    ],
    ids=str,
)
def test_config_refuses_impossible_values(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        FramesConfig(**bad)


@pytest.mark.parametrize("codec", ["ffv1", "libx264", "mjpeg"])
def test_a_crop_shows_that_part_in_the_same_colors(tmp_path, codec):
    path = write_video(tmp_path / "a.mkv", film(shaky_path(2)), codec=codec)
    # The others have color at every second pixel only, and it lies a little off at odd ones.
    left = 31 if codec == "ffv1" else 30
    crop = Crop(left=left, top=22, width=200, height=132)
    with open_video(path, SOURCE_PIXELS) as video:
        whole = next(iter(video))
        video.crop_to(crop)
        part = video.cut(whole.source)
        luma = video.luma(whole.source)
        assert np.array_equal(video.source_to_working @ [left, 22, 1], [0, 0, 1])
    wanted = whole.image[22:154, left : left + 200].astype(int)
    assert part.shape == wanted.shape
    assert np.abs(part - wanted)[2:-2, 2:-2].max() <= (0 if codec == "ffv1" else 1)
    assert luma.shape == (180, 320)
    gray = cv2.cvtColor(whole.image, cv2.COLOR_RGB2GRAY)
    assert np.corrcoef(luma.ravel(), gray.ravel())[0, 1] > 0.99


def test_what_has_waited_for_its_cadence_is_cut_as_it_is_handed_out(tmp_path):
    frames, first = repeated(film(shaky_path(40, strength=6)), 24, 30)
    crop = Crop(left=32, top=24, width=200, height=132)
    with open_video(write_video(tmp_path / "a.mkv", frames, fps=30, codec="ffv1")) as video:
        stream = iter(video)
        whole = next(stream)  # by now the next 28 pictures are decoded, and wait
        video.crop_to(crop)
        parts = [next(stream) for _ in range(28)]
    assert (whole.pace.fps, whole.image.shape) == (24, (180, 320, 3))
    assert [part.index for part in parts] == list(first[1:29])
    for part in parts:
        wanted = frames[part.index, 24:156, 32:232]
        assert np.abs(part.image.astype(int) - wanted).mean() < 2  # a frame beside it: 10 and more


def test_a_part_that_is_not_in_the_picture_is_refused(tmp_path):
    with open_video(write_video(tmp_path / "a.mp4", numbered(2))) as video:
        width, height = video.facts.width, video.facts.height
        for crop in (
            Crop(left=1, top=0, width=width, height=height),
            Crop(left=-1, top=0, width=9, height=9),
            Crop(left=0, top=0, width=9, height=0),
        ):
            with pytest.raises(ValueError, match="Crop"):
                video.crop_to(crop)
