"""Some videos of every state, with the clips that are theirs."""

from tests.drawn.strip_rows import count_clips, draw_record, opened
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_samples import list_outcomes
from tinyvideo.storage.outputs.output_address import CATALOG_NAME


def test_every_video_has_its_own_clips(tmp_path):
    with opened(tmp_path) as (catalog, _):
        catalog.add(draw_record(number) for number in range(4))
        ids = [draw_record(number).video_id for number in range(4)]
        catalog.enter_clips(ids[0], count_clips(5, flat=1, shot_cut=3))
        catalog.enter_clips(ids[1], count_clips(0, flat=2))
        catalog.settle(ids[2], VideoState.FAILED, "timeout", "too slow")

    outcomes = list_outcomes(tmp_path / CATALOG_NAME, per_state=10)

    known = {o.video.record.title: (o.video.state, o.accepted, o.rejected) for o in outcomes}
    assert known == {
        "0.mp4": (VideoState.CURATED, 5, {"shot_cut": 3, "flat": 1}),
        "1.mp4": (VideoState.REJECTED, 0, {"flat": 2}),
        "2.mp4": (VideoState.FAILED, 0, {}),
        "3.mp4": (VideoState.PENDING, 0, {}),
    }
    assert list(known["0.mp4"][2]) == ["shot_cut", "flat"]  # the most frequent first


def test_no_state_crowds_out_another(tmp_path):
    with opened(tmp_path) as (catalog, _):
        catalog.add(draw_record(number, title=f"{9 - number}") for number in range(9))
        catalog.settle(draw_record(4).video_id, VideoState.REJECTED, "flat", "")

    outcomes = list_outcomes(tmp_path / CATALOG_NAME, per_state=2)

    listed = [(o.video.state, o.video.record.title) for o in outcomes]
    assert listed == [
        (VideoState.PENDING, "1"),
        (VideoState.PENDING, "2"),
        (VideoState.REJECTED, "5"),
    ]
