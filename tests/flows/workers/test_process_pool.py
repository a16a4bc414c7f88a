"""Videos that hang, crash or eat memory cost one video each, and the cause is told apart."""

import asyncio
from dataclasses import replace

import pytest

from tests.drawn.films import film, shaky_path, write_video
from tests.flows.workers.bad_workers import misbehave
from tinyvideo.flows.workers.process_pool import curate_videos
from tinyvideo.flows.workers.video_worker import WorkerConfig
from tinyvideo.models.scenes.weights import WeightsError
from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig
from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.batches.commit_shard import part_path
from tinyvideo.storage.objects.folder import FolderStore


def record(title, uri="file:///nowhere.mp4"):
    return VideoRecord(video_id=f"folder-{title}", source="folder", uri=uri, title=title)


def curate_all(records, config, **options):
    async def collect():
        found = curate_videos(records, config, **options)
        return {record.title: outcome async for record, outcome in found}

    return asyncio.run(collect())


@pytest.fixture
def config(tmp_path):
    return WorkerConfig(
        out=tmp_path / "out",
        places_weights=None,
        memory_limit_mb=500,
        window_limit_s=2,
        curation=CurationConfig(strips=StripConfig(size=64)),
    )


def test_every_kind_of_death_is_told_apart(config):
    titles = ["hang", "crash", "eat_memory", "stumble"]

    ended = curate_all([record(t) for t in titles], config, workers=2, limit_s=60, work=misbehave)

    assert {title: outcome.reason for title, outcome in ended.items()} == {
        "hang": FailCause.TIMEOUT,
        "crash": FailCause.CRASH,
        "eat_memory": FailCause.MEMORY,
        "stumble": FailCause.BUG,
    }
    assert all(outcome.state is VideoState.FAILED for outcome in ended.values())
    assert "no window of frames came within 2 s" in ended["hang"].detail
    assert "in hang" in ended["hang"].detail  # where it hung
    assert ended["crash"].detail == "the worker process ended with SIGSEGV"
    assert "more than 500 MB needed" in ended["eat_memory"].detail
    assert "KeyError: 'a bug in the decoder'" in ended["stumble"].detail
    assert list(config.out.rglob("*.*")) == []  # no half part, no note of the watchdog


def test_a_video_that_never_ends_is_killed(config):
    (ended,) = curate_all([record("linger")], config, workers=1, limit_s=1, work=misbehave).values()

    assert (ended.state, ended.reason) == (VideoState.FAILED, FailCause.TIMEOUT)
    assert ended.detail == "not done after 1 s"


def test_a_good_video_leaves_its_strips_in_a_part_file(config, tmp_path):
    path = write_video(tmp_path / "film.mp4", film(shaky_path(40)))
    good, gone = record("good", path.as_uri()), record("gone")

    patient = replace(config, window_limit_s=120)

    ended = curate_all([good, gone], patient, workers=1, limit_s=600)

    assert ended["good"].counts.accepted == 1
    assert part_path(FolderStore(config.out), good.video_id).exists()
    assert ended["gone"].reason is FailCause.UNREADABLE
    assert "No such file" in ended["gone"].detail


def test_a_worker_that_cannot_start_blames_no_video(config, tmp_path):
    broken = replace(config, places_weights=tmp_path / "no-weights.pth")

    with pytest.raises(WeightsError, match=r"no-weights\.pth"):
        curate_all([record("one"), record("two")], broken, workers=1, limit_s=600)
