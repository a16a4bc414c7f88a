"""Films for a batch: fetched once, by settings that are looked at first."""

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.drawn.bombs import write_bomb
from tests.flickr.clients import record_of
from tinyvideo.flows.imitation import film_files as media
from tinyvideo.flows.imitation.faults import Fault, FaultConfig, Kind
from tinyvideo.flows.imitation.flickr_server import KEY, SECRET
from tinyvideo.flows.imitation.population import Fate, Population, PopulationConfig
from tinyvideo.flows.imitation.truth import findable_videos
from tinyvideo.flows.sources.fetch_films import IN_A_ROW, TRIES, StoppedFetchingError, fetching
from tinyvideo.flows.workers.limited_calls import Limits
from tinyvideo.pipeline.errors import ExpectedError, ServiceError
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers
from tinyvideo.pipeline.hosts.request_budget import Host
from tinyvideo.pipeline.types import Film, VideoRecord, VideoState
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.output_address import OutputAddress

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # flickrapi leaves sockets open

POPULATION = Population(PopulationConfig(videos=2_000, seed=6))
VIDEOS = findable_videos(POPULATION, allowed_numbers(SHIPPED))
WELL = [video for video in VIDEOS if video.fate is Fate.WELL and video.photo_id % 10]
LIMITS = Limits(memory_mb=300, time_s=60)
FAST = {"API_RATE": 500, "PAGE_RATE": 500, "MEDIA_RATE": 500, "PAUSE_S": 0.05}


@pytest.fixture
def settings(monkeypatch):
    """Set TINYVIDEO variables."""

    def change(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"TINYVIDEO_{name}", str(value))

    change(FLICKR_KEY=KEY, FLICKR_SECRET=SECRET, FETCH_TIMEOUT_S=20, **FAST)
    return change


@pytest.fixture
def films(tmp_path, settings):
    """Make what fetches; the settings must be made before."""
    place = OutputAddress.at(tmp_path / "out")
    (tmp_path / "out").mkdir()
    return lambda **limits: fetching(place, FolderStore(place.work), 128, replace(LIMITS, **limits))


def bring(fetcher, *records):
    async def all_of_them():
        return await asyncio.gather(*map(fetcher.bring, records))

    return asyncio.run(all_of_them())


def test_a_film_is_fetched_once_and_goes_when_it_was_curated(imitate, films):
    imitation = imitate(POPULATION)
    record, counted = record_of(WELL[0]), []

    with films() as fetcher:
        fetcher.count = counted.append
        (film,) = bring(fetcher, record)
        (again,) = bring(fetcher, record)
    with films() as fetcher:  # after a kill, say
        (later,) = bring(fetcher, record)
        assert film == again == later
        assert isinstance(film, Film)
        assert film.record.license == SHIPPED[str(WELL[0].license)].name
        fetcher.release(record.video_id)
        assert not list(fetcher.raw.path.iterdir())

    assert len(imitation.requests("file")) == 1
    assert counted == [film.size]


def test_a_bomb_costs_one_video_and_is_opened_in_no_process_of_ours(
    imitate, films, monkeypatch, tmp_path
):
    bomb = write_bomb(tmp_path / "bomb.mp4", side=8192, frames=2, fps=25)  # 100 MB a picture
    imitate(POPULATION)
    honest, number = media.film_of, WELL[0].photo_id
    served = lambda video, label: (  # noqa: E731
        bomb.read_bytes() if video.photo_id == number else honest(video, label)
    )
    monkeypatch.setattr(media, "film_of", served)

    with films(memory_mb=80) as fetcher:
        outcome, film = bring(fetcher, record_of(WELL[0]), record_of(WELL[1]))
        left = sorted(path.name for path in fetcher.raw.path.iterdir())

    assert (outcome.state, outcome.reason) == (VideoState.FAILED, "memory")
    assert isinstance(film, Film)
    assert not [name for name in left if str(number) in name]


def test_films_are_kept_if_that_is_wished(imitate, films, settings):
    imitate(POPULATION)
    settings(KEEP_RAW="true")

    with films() as fetcher:
        (film,) = bring(fetcher, record_of(WELL[0]))
        fetcher.release(film.record.video_id)

    assert film.path.exists()


def test_what_is_here_is_not_fetched(imitate, films):
    imitation = imitate(POPULATION)
    here = VideoRecord(video_id="folder-1", source="folder", uri="file:///one.mp4")

    with films() as fetcher:
        fetcher.check([here])
        assert bring(fetcher, here) == [None]

    assert not imitation.requests()


def test_trouble_is_tried_on_the_spot_and_then_told_with_its_cause(imitate, films):
    broken = FaultConfig(rate=1, kinds=frozenset({Fault.BROKEN}), where=frozenset({Kind.API}))
    imitation = imitate(POPULATION, faults=broken)

    with films() as fetcher:
        (outcome,) = bring(fetcher, record_of(WELL[0]))

    assert (outcome.state, outcome.reason) == (VideoState.PENDING, "http_5xx")
    assert outcome.detail.startswith("HTTP 500 from api.flickr.com")
    assert outcome.detail.endswith("before that: http_5xx, http_5xx")
    assert len(imitation.requests("flickr.photos.getInfo")) == TRIES


def test_an_outage_ends_the_run_and_not_its_videos(imitate, films):
    always = FaultConfig(rate=1, kinds=frozenset({Fault.RESET}), where=frozenset({Kind.API}))
    imitate(POPULATION, faults=always)

    with films() as fetcher, pytest.raises(ServiceError, match=f"{IN_A_ROW} videos in a row"):
        bring(fetcher, *map(record_of, WELL[: IN_A_ROW + 5]))


def test_a_run_that_ends_does_not_wait_for_a_host_that_is_paused(imitate, films):
    imitate(POPULATION)
    with films() as fetcher:
        fetcher.budget.penalize(Host.API, 10_000)

        def wait():
            with suppress(StoppedFetchingError):
                fetcher.budget.acquire(Host.API)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.2)
        assert thread.is_alive()

        fetcher.close()

        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"FLICKR_KEY": "wrong"}, r"Flickr refuses the key \(TINYVIDEO_FLICKR_KEY\)"),
        ({"FLICKR_KEY": ""}, "Flickr wants a key: set TINYVIDEO_FLICKR_KEY"),
        ({"YTDLP": '{"cookies": "c.txt"}'}, "do you mean 'cookiefile'"),
        ({"PROXY": "http://127.0.0.1:9"}, "cannot be reached.*look at the network"),
    ],
)
def test_settings_that_will_not_do_are_one_sentence(imitate, films, settings, changes, sentence):
    imitate(POPULATION)
    settings(**changes)

    with films() as fetcher, pytest.raises(ExpectedError, match=sentence):
        fetcher.check([record_of(WELL[0])])


def test_options_that_are_no_json_are_one_sentence(films, settings):
    settings(YTDLP="{cookiefile: c.txt}")

    with pytest.raises(ExpectedError, match="TINYVIDEO_YTDLP is not JSON"), films():
        pass


def test_certificates_that_will_not_do_are_one_sentence(imitate, films, monkeypatch):
    imitate(POPULATION, expired=True)
    with films() as fetcher, pytest.raises(ExpectedError, match="certificate has expired"):
        fetcher.check([record_of(WELL[0])])

    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with films() as fetcher, pytest.raises(ExpectedError, match=r"/nowhere\.pem is no file of"):
        fetcher.check([record_of(WELL[0])])
