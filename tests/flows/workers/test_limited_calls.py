"""What reads bytes of strangers may hang, crash or eat memory: that costs its call and no more."""

import os
import socket
from collections.abc import Iterator

import pytest

from tests.drawn.bombs import write_bomb
from tests.drawn.films import film, shaky_path, write_video
from tests.flows.workers.bad_workers import connect, die_of, write_to
from tinyvideo.flows.workers.landlock import TCP_SINCE, landlock_version
from tinyvideo.flows.workers.limited_calls import LimitedCalls, Limits
from tinyvideo.pipeline.errors import FailCause, LimitError, RejectedError, RejectReason
from tinyvideo.pipeline.fetch.probe import check_film


@pytest.fixture(scope="module")
def calls() -> Iterator[LimitedCalls]:
    with LimitedCalls(Limits(memory_mb=80, time_s=3)) as calls:
        yield calls


def why(calls: LimitedCalls, function, *args) -> LimitError:
    with pytest.raises(LimitError) as error:
        calls(function, *args)
    return error.value


def test_a_call_answers_from_another_process_and_raises_what_it_raises(calls, tmp_path):
    path = tmp_path / "text.mp4"
    path.write_bytes(b"no film")

    assert calls(os.getpid) != os.getpid()
    with pytest.raises(RejectedError) as error:
        calls(check_film, path)
    assert error.value.reason is RejectReason.NOT_A_VIDEO


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT"])
def test_a_crash_costs_its_call_and_the_next_one_is_answered(calls, tmp_path, signal):
    good = write_video(tmp_path / "good.mp4", film(shaky_path(8)))

    error = why(calls, die_of, signal)

    assert (error.cause, error.detail) == (
        FailCause.CRASH,
        f"the worker process ended with {signal}",
    )
    calls(check_film, good)


def test_a_film_of_endless_frames_is_given_up_in_time(calls, tmp_path):
    # A tenth of a second of film, of 4000 huge pictures: 40 ms each.
    bomb = write_bomb(tmp_path / "bomb.mp4", side=4096, frames=300, fps=1000)

    error = why(calls, check_film, bomb)

    assert (error.cause, error.detail) == (FailCause.TIMEOUT, "not done after 3 s")


def test_a_film_of_vast_frames_gets_no_memory(calls, tmp_path):
    bomb = write_bomb(tmp_path / "bomb.mp4", side=8192, frames=2, fps=25)  # 100 MB a picture

    error = why(calls, check_film, bomb)

    assert error.cause is FailCause.MEMORY
    assert error.detail.startswith("more than 80 MB needed")


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
def test_what_reads_films_of_strangers_writes_nowhere_but_where_it_is_told(tmp_path):
    ours, others = tmp_path / "ours", tmp_path / "others"
    ours.mkdir()
    others.mkdir()
    with LimitedCalls(Limits(memory_mb=80, time_s=20), writable=[ours]) as calls:
        calls(write_to, ours / "a")
        with pytest.raises(PermissionError):
            calls(write_to, others / "a")
        with pytest.raises(PermissionError):
            calls(os.rmdir, others)

    assert (ours / "a").read_text() == "written"
    assert others.is_dir()


@pytest.mark.skipif(landlock_version() < TCP_SINCE, reason="this kernel has no Landlock for TCP")
def test_what_reads_films_of_strangers_has_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with LimitedCalls(Limits(memory_mb=80, time_s=20)) as calls, pytest.raises(PermissionError):
            calls(connect, port)
