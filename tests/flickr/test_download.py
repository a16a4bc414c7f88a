"""One video after the other from the imitation: whole files, and true reasons."""

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from tests.flickr.clients import fetch, sources_for
from tinyvideo.flows.imitation import film_files as media
from tinyvideo.flows.imitation.faults import POSSIBLE, Fault, FaultConfig, Kind
from tinyvideo.flows.imitation.population import Fate, Population, PopulationConfig
from tinyvideo.flows.imitation.search_answers import SearchConfig
from tinyvideo.flows.imitation.vices import Vice
from tinyvideo.pipeline.errors import (
    ExpectedError,
    FailCause,
    RejectedError,
    RejectReason,
    ServiceError,
    TransientError,
)
from tinyvideo.pipeline.fetch.film_download import DownloadConfig, _check_fetched, download
from tinyvideo.pipeline.fetch.renditions import choose_renditions
from tinyvideo.pipeline.fetch.ytdlp import OptionError, check_options
from tinyvideo.pipeline.find.yfcc import commons_uri
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers
from tinyvideo.pipeline.hosts.request_budget import Host
from tinyvideo.pipeline.types import VideoRecord

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # flickrapi leaves sockets open

SMALL = Population(PopulationConfig(videos=4_000, seed=3))


def one(fate, old=False):
    return next(
        v
        for v in SMALL.videos
        if v.fate is fate
        and (v.photo_id % 10 == 0) is old
        and str(v.license) in allowed_numbers(SHIPPED)
        and v.public
        and v.is_video
    )


def always(fault, kind):
    return FaultConfig(
        rate=1, kinds=frozenset({fault}), where=frozenset({kind}), hang_s=20, retry_after_s=7
    )


@pytest.mark.parametrize(("old", "label"), [(False, "288p"), (True, "700")])
def test_the_smallest_film_that_serves_is_fetched_whole(imitate, tmp_path, old, label):
    imitation = imitate(SMALL)
    video = one(Fate.WELL, old)

    film = fetch(video, tmp_path / "raw", sources_for(imitation))

    expected = media.film_of(video, label)
    assert film.path.read_bytes() == expected
    assert film.path.name == f"flickr-{video.photo_id}.mp4"
    assert (film.size, film.rendition) == (len(expected), label)
    assert film.sha256 == hashlib.sha256(expected).hexdigest()
    assert list((tmp_path / "raw").iterdir()) == [film.path]
    assert Counter(line.kind for line in imitation.requests()) == {
        Kind.API: 2,
        Kind.PAGES: 1,
        Kind.MEDIA: 1,
    }


def test_a_larger_strip_wants_a_larger_film(imitate, tmp_path):
    imitation = imitate(SMALL)

    film = fetch(one(Fate.WELL), tmp_path, sources_for(imitation), strip_px=240)

    assert film.rendition == "360p"


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        (Fate.DELETED, RejectReason.GONE),
        (Fate.PRIVATE, RejectReason.GONE),
        (Fate.RELICENSED, RejectReason.NOT_ALLOWED_LICENSE),
        (Fate.LOCKED, RejectReason.NOT_PERMITTED),
        (Fate.RETIRED, RejectReason.NO_RENDITION),
    ],
)
def test_what_cannot_be_had_is_rejected_for_its_true_reason(imitate, tmp_path, fate, reason):
    imitation = imitate(SMALL)

    with pytest.raises(RejectedError) as caught:
        fetch(one(fate), tmp_path / "raw", sources_for(imitation))

    assert caught.value.reason is reason
    assert not list(tmp_path.glob("raw/*"))
    assert not imitation.requests("file")


def test_a_page_for_people_is_no_film(imitate, tmp_path):
    imitation = imitate(SMALL)

    with pytest.raises(TransientError) as caught:
        fetch(one(Fate.TEXT), tmp_path / "raw", sources_for(imitation))

    assert caught.value.cause is FailCause.HTML_BODY
    assert not list(tmp_path.glob("raw/*.mp4"))


CAUSES = {
    Fault.BUSY: FailCause.HTTP_429,
    Fault.BUSY_UNTIL: FailCause.HTTP_429,
    Fault.BAD_GATEWAY: FailCause.HTTP_5XX,
    Fault.OVERLOADED: FailCause.HTTP_5XX,
    Fault.BROKEN: FailCause.HTTP_5XX,
    Fault.CODE_105: FailCause.UNAVAILABLE,
    Fault.CODE_201: FailCause.UNAVAILABLE,
    Fault.GARBLED: FailCause.UNPARSABLE,
    Fault.PAGE: FailCause.UNPARSABLE,
    Fault.HANG: FailCause.TIMEOUT,
    Fault.RESET: FailCause.NETWORK,
    Fault.TRUNCATED: FailCause.TRUNCATED_MEDIA,
    Fault.STALLED: FailCause.TIMEOUT,
    Fault.REFUSED: FailCause.HTTP_403,
}
ALL_FAULTS = [(kind, fault) for kind, faults in POSSIBLE.items() for fault in faults]


@pytest.mark.parametrize(("kind", "fault"), ALL_FAULTS)
def test_every_fault_of_every_host_has_its_cause(imitate, tmp_path, kind, fault):
    imitation = imitate(SMALL, faults=always(fault, kind))
    sources = sources_for(imitation, 0.5 if fault in {Fault.HANG, Fault.STALLED} else 20)

    with pytest.raises(TransientError) as caught:
        fetch(one(Fate.WELL), tmp_path / "raw", sources)

    expected = CAUSES[fault]
    if kind is Kind.MEDIA and fault is Fault.PAGE:
        expected = FailCause.HTML_BODY
    assert caught.value.cause is expected, caught.value
    assert caught.value.retry_after_s == (7 if fault is Fault.BUSY_UNTIL else None)
    refused = {state.host: state.refused for state in sources.fetcher.budget.states()}
    is_refusal = fault in {Fault.BUSY, Fault.BUSY_UNTIL}
    is_refusal |= fault is Fault.OVERLOADED and kind is not Kind.API
    assert refused == {host: int(is_refusal and host == kind.value) for host in Host}
    assert not list(tmp_path.glob("raw/*.mp4"))


def test_a_file_that_broke_off_goes_on_where_it_was(imitate, tmp_path):
    video, raw = one(Fate.WELL), tmp_path / "raw"
    whole = media.film_of(video, "288p")
    imitation = imitate(SMALL, faults=always(Fault.TRUNCATED, Kind.MEDIA))
    with pytest.raises(TransientError):
        fetch(video, raw, sources_for(imitation))
    part = (raw / f"flickr-{video.photo_id}.part" / "288p.mp4.part").read_bytes()
    assert 1_000 < len(part) <= len(whole) // 2
    assert whole.startswith(part)

    imitation = imitate(SMALL)
    film = fetch(video, raw, sources_for(imitation))

    assert film.path.read_bytes() == whole
    assert [line.status for line in imitation.requests("file")] == [206]


def test_a_film_that_is_too_large_is_not_fetched(imitate, tmp_path):
    imitation = imitate(SMALL)

    with pytest.raises(RejectedError) as caught:
        fetch(one(Fate.WELL), tmp_path / "raw", sources_for(imitation, max_bytes=1_000))

    assert caught.value.reason is RejectReason.TOO_LARGE
    assert not list(tmp_path.glob("raw/*"))


def test_an_object_that_is_too_large_is_broken_off(imitate, tmp_path):
    def get_object(uri, path, follow):
        path.write_bytes(bytes(2_000))
        follow(2_000)

    sources = replace(sources_for(imitate(SMALL), max_bytes=1_000), get_object=get_object)
    record = VideoRecord(video_id="one", source="s3", uri="s3://b/one.mp4")
    with pytest.raises(RejectedError) as caught:
        download(record, tmp_path, sources, DownloadConfig())

    assert caught.value.reason is RejectReason.TOO_LARGE


def test_a_file_of_cookies_is_read_and_stays_as_it_is(imitate, tmp_path):
    imitation = imitate(SMALL)
    cookies = tmp_path / "cookies.txt"
    lines = ["# Netscape HTTP Cookie File", ".staticflickr.com\tTRUE\t/\tTRUE\t0\tme\tyes", ""]
    cookies.write_text("\n".join(lines))
    before = cookies.read_bytes()
    options = {"cookiefile": str(cookies)}

    check_options(options)
    fetch(one(Fate.WELL), tmp_path / "raw", sources_for(imitation, options=options))

    assert cookies.read_bytes() == before


def test_an_expired_certificate_is_one_sentence(imitate, tmp_path):
    imitation = imitate(SMALL, expired=True)
    sources = sources_for(imitation)

    with pytest.raises(ServiceError, match="certificate has expired"):
        fetch(one(Fate.WELL), tmp_path, sources)
    with pytest.raises(ServiceError, match="certificate has expired"):
        sources.fetcher.fetch("https://live.staticflickr.com/x.mp4", tmp_path / "x.mp4", print)


def test_a_film_from_a_list_of_addresses_and_one_from_a_bucket(imitate, tmp_path):
    imitation = imitate(SMALL)
    video = one(Fate.WELL)
    whole = media.film_of(video, "288p")
    url = media.signed_url(video, "288p", expires=2**33)

    def get_object(uri, path, follow):
        assert uri == "s3://multimedia-commons/data/videos/mp4/abc/def/abcdef.mp4"
        path.write_bytes(whole)

    sources = replace(sources_for(imitation), get_object=get_object)
    for name, uri in (
        ("url-1", url),
        ("s3-1", "s3://multimedia-commons/data/videos/mp4/abc/def/abcdef.mp4"),
    ):
        record = VideoRecord(video_id=name, source=name[:-2], uri=uri)
        film = download(record, tmp_path, sources, DownloadConfig())

        assert film.path == tmp_path / f"{name}.mp4"
        assert film.path.read_bytes() == whole
    assert [line.kind for line in imitation.requests()] == [Kind.MEDIA]


@pytest.mark.parametrize(
    ("status", "cause"),
    [("gone", RejectReason.GONE), ("cut", RejectReason.BROKEN_STREAM)],
)
def test_an_address_without_a_film_is_rejected(imitate, tmp_path, status, cause):
    imitation = imitate(SMALL)
    video = one(Fate.WELL)
    url = media.signed_url(video, "288p", expires=2**33)
    if status == "gone":
        url = url.replace(video.secret, "0000000000")

    def get_object(uri, path, follow):
        film = media.film_of(video, "288p")
        path.write_bytes(film[: len(film) // 2])

    sources = replace(sources_for(imitation), get_object=get_object)
    uri = "s3://b/cut.mp4" if status == "cut" else url
    record = VideoRecord(video_id="one", source="url", uri=uri)
    with pytest.raises(RejectedError) as caught:
        download(record, tmp_path, sources, DownloadConfig())

    assert caught.value.reason is cause
    assert not list(tmp_path.glob("one*"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cookies": "c.txt"}, "no option 'cookies'; do you mean 'cookiefile'"),
        ({"cookiefile": "/nowhere/c.txt"}, "the cookie file /nowhere/c.txt is not there"),
        ({"outtmpl": "x"}, "'outtmpl' is set by tinyvideo"),
        ({"impersonate": "a browser"}, "yt-dlp refuses the options"),
    ],
)
def test_options_that_yt_dlp_cannot_use_are_refused_at_once(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        check_options(options)
    assert issubclass(OptionError, ExpectedError)


def test_options_and_a_proxy_are_passed_through(imitate, tmp_path):
    imitation = imitate(SMALL)
    proxy = imitation.environment("by-option")["HTTPS_PROXY"]
    options = {"proxy": proxy, "ratelimit": 10**7, "http_headers": {"User-Agent": "tinyvideo"}}

    check_options(options)
    fetch(one(Fate.WELL), tmp_path, sources_for(imitation, options=options))

    (line,) = imitation.requests("file")
    assert line.worker == "by-option"


def test_an_object_of_the_public_bucket_is_named_without_leading_zeros():
    # MD5 of "a" is 0cc175b9c0f1b6a831c399e269772661: 0c becomes c, the rest has no small byte.
    assert commons_uri("a") == (
        "s3://multimedia-commons/data/videos/mp4/cc1/75b/cc175b9c0f1b6a831c399e269772661.mp4"
    )


def test_a_video_that_flickr_is_still_processing_waits_and_is_not_rejected(imitate, tmp_path):
    imitation = imitate(SMALL, search=SearchConfig(vice=Vice.PROCESSING))
    video = next(
        v for v in SMALL.videos
        if v.photo_id % 50 == 0 and v.fate is Fate.WELL and v.public and v.is_video
        and str(v.license) in allowed_numbers(SHIPPED)
    )  # fmt: skip
    sources = sources_for(imitation)
    with pytest.raises(TransientError, match="still processing") as told:
        fetch(video, tmp_path, sources)
    assert told.value.cause is FailCause.UNAVAILABLE
    assert fetch(video, tmp_path, sources).path.exists()  # asked again, it is there


def test_a_film_that_ends_too_early_is_fetched_once_more_and_no_more_than_that(imitate, tmp_path):
    sources = sources_for(imitate(SMALL))
    whole = media.film_of(one(Fate.WELL), "288p")
    path = tmp_path / "288p.mp4"
    for error in (TransientError, RejectedError):
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(error):
            _check_fetched(path, sources)
        assert not path.exists()
    path.write_bytes(whole)
    _check_fetched(path, sources)
    assert path.exists()


@pytest.mark.parametrize(
    ("said", "pixels"),
    [
        ("640", 640),
        (640, 640),
        ("640.0", 640),
        ("", 0),
        (None, 0),
        ("²", 0),
        ("1e400", 0),
        ("nan", 0),
    ],
)
def test_a_length_in_pixels_is_read_however_it_is_said(said, pixels):
    size = {"label": "x", "source": "https://a/b.mp4", "media": "video", "width": said}
    (film,) = choose_renditions([{**size, "height": said}], 100)
    assert film.short_side == pixels
