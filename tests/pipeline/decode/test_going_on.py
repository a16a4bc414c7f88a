"""Behind damage, lost packets and a change of size a film goes on, and nothing of them is seen."""

import av
import numpy as np
import pytest

from tests.drawn.films import film, pan, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.decode.frames import FramesConfig, open_video
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.fetch.probe import check_film
from tinyvideo.pipeline.rerender import ClipPlace, cut_strips
from tinyvideo.pipeline.strips import decode_strip
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig
from tinyvideo.pipeline.types import Crop

SMALL = CurationConfig(strips=StripConfig(size=64))
FRAMES = film([pan(0.6 * t, t / 3) for t in range(112)], 4, 96, 128)
CLOSED = {"g": "16", "keyint_min": "16", "sc_threshold": "0", "bf": "2"}
OPEN = {"x264-params": "open-gop=1:keyint=16:min-keyint=16:bframes=2:b-adapt=0:scenecut=0"}


def packets_of(path):
    with av.open(path) as whole:
        return [packet for packet in whole.demux(video=0) if packet.size]


def spoil(path, *numbers):
    """Zero the second half of some packets, by their number in the file."""
    data = bytearray(path.read_bytes())
    for packet in (packets_of(path)[number] for number in numbers):
        for at in range(packet.pos + packet.size // 2, packet.pos + packet.size):
            header_of_ts = path.suffix == ".ts" and at % 188 < 12
            data[at] = data[at] if header_of_ts else 0
    path.write_bytes(data)
    return path


def without_packets(path, first, count):
    """Leave packets of 188 bytes out of a transport stream."""
    data = path.read_bytes()
    path.write_bytes(data[: 188 * first] + data[188 * (first + count) :])
    return path


def entries(path):
    return [
        (c.reason and c.reason.value, c.start_frame, c.detail) for c in curate(path, None, SMALL)
    ]


def times(path, fps=25):
    with open_video(path) as video:
        return [(round(fps * frame.time_s), frame.image) for frame in video]


def test_damage_is_one_short_entry_and_the_next_window_begins_behind_it(tmp_path):
    path = spoil(write_video(tmp_path / "a.mp4", FRAMES, options=CLOSED), 38)
    clips = list(curate(path, None, SMALL))
    assert [clip.reason for clip in clips] == [None, RejectReason.CORRUPT, None, None]
    assert clips[1].start_frame == 32
    assert clips[1].detail.startswith("at frame 3")
    # The next key frame is the 48th.
    assert [round(25 * clip.start_s) for clip in clips] == [0, 32, 48, 80]


def test_damage_between_two_windows_is_an_entry_too(tmp_path):
    options = CLOSED | {"bf": "0"}
    path = spoil(write_video(tmp_path / "a.mp4", FRAMES, options=options), 32)
    found = entries(path)
    assert [(reason, start) for reason, start, _ in found] == [
        (None, 0),
        ("corrupt", 32),
        (None, 32),
        (None, 64),
    ]


def test_damage_at_the_very_start_and_twice_in_a_row(tmp_path):
    options = CLOSED | {"bf": "0"}
    path = spoil(write_video(tmp_path / "a.mp4", FRAMES, options=options), 0, 16)
    reasons = [reason for reason, _, _ in entries(path)]
    assert reasons == ["corrupt", None, None]
    assert len(times(path)) == 80


def test_a_film_that_has_come_with_a_damaged_beginning_is_no_broken_one(tmp_path):
    options = CLOSED | {"bf": "0"}
    check_film(spoil(write_video(tmp_path / "a.mp4", FRAMES, options=options), 0, 18))


def test_a_film_of_which_nothing_can_be_decoded_is_refused_with_its_first_fault(tmp_path):
    path = write_video(tmp_path / "a.mp4", FRAMES[:40], options={"g": "1"})
    spoil(path, *range(40))
    with pytest.raises(RejectedError, match="at frame 0"):
        check_film(path)
    with pytest.raises(RejectedError, match="at frame 0") as caught:
        entries(path)
    assert caught.value.reason is RejectReason.CORRUPT


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.ts", "libx264", OPEN),
        ("c.mkv", "libx264", OPEN),
        ("d.avi", "mpeg4", {"g": "16", "bf": "2", "b": "900000"}),
    ],
)
def test_behind_damage_every_frame_is_one_of_the_film(tmp_path, name, codec, options):
    path = write_video(tmp_path / name, FRAMES, codec=codec, options=options)
    whole = dict(times(path))
    spoil(path, 38, 70)
    found = times(path)
    assert len(found) >= 70
    assert found[-1][0] == 111
    for at, image in found:
        assert np.abs(image.astype(int) - whole[at]).mean() < 3, at


def test_lost_packets_of_a_transport_stream_end_a_window_and_not_the_film(tmp_path):
    path = write_video(tmp_path / "a.ts", FRAMES, options=CLOSED)
    whole = dict(times(path))
    first = packets_of(path)[38].pos // 188 + 1
    found = entries(without_packets(path, first, 3))
    assert [reason for reason, _, _ in found].count(None) == 3
    bad = {reason for reason, _, _ in found} - {None}
    assert bad <= {"corrupt", "broken_stream"}
    assert len(bad) == 1
    for at, image in times(path):
        assert np.abs(image.astype(int) - whole[at]).mean() < 3


@pytest.fixture(scope="module")
def two_sizes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    wide = write_video(folder / "wide.ts", FRAMES[:40]).read_bytes()
    narrow = write_video(folder / "narrow.ts", FRAMES[40:80, :, 16:96]).read_bytes()
    path = folder / "a.ts"
    path.write_bytes(wide + narrow)
    return path


def test_a_new_size_is_a_border_behind_which_strips_are_made(two_sizes):
    clips = list(curate(two_sizes, None, SMALL))
    assert [clip.reason for clip in clips] == [None, RejectReason.BROKEN_STREAM, None]
    # Four frames wait for one that the container calls corrupt: the counts do not go on.
    assert [clip.start_frame for clip in clips] == [0, 32, 36]
    assert [clip.strip.source_width for clip in clips if clip.strip] == [128, 80]


def test_a_clip_of_the_new_size_is_cut_again_with_a_crop_of_its_own(two_sizes):
    stay = np.tile(np.eye(3), (32, 1, 1))
    places = [
        ClipPlace(index=0, start_frame=0, frame_step=1, to_first=stay),
        ClipPlace(
            index=2,
            start_frame=38,
            frame_step=1,
            to_first=stay,
            crop=Crop(left=0, top=16, width=80, height=80),
        ),
    ]
    strips = [decode_strip(jpeg) for jpeg in cut_strips(two_sizes, places, 64)]
    assert len(strips) == 2
    shown = FRAMES[42, 16:96, 16:96].reshape(16, 5, 16, 5, 3).mean(axis=(1, 3))
    again = strips[1][0].reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(shown - again).mean() < 6


def test_a_part_whose_pictures_are_too_small_is_left_out(tmp_path):
    parts = [FRAMES[:40], FRAMES[:40, :, :48], FRAMES[40:80]]
    files = [write_video(tmp_path / f"{n}.ts", part) for n, part in enumerate(parts)]
    path = tmp_path / "a.ts"
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    with open_video(path, FramesConfig()) as video:
        widths = [frame.image.shape[1] for frame in video]
    assert set(widths) == {128}
    assert len(widths) >= 72
