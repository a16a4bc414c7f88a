"""The hosts of the imitation, as the unmodified flickrapi and yt-dlp find them."""

import json
import urllib.error
import urllib.request
from contextlib import closing

import flickrapi
import pytest
import requests
import yt_dlp

from tinyvideo.flows.imitation import film_files as media
from tinyvideo.flows.imitation.faults import POSSIBLE, Fault, FaultConfig, Kind
from tinyvideo.flows.imitation.flickr_server import KEY, SECRET, Request, most_in
from tinyvideo.flows.imitation.population import Fate, Population, PopulationConfig

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # flickrapi leaves sockets open

SMALL = Population(PopulationConfig(videos=300, seed=3))


def flickr(timeout=5.0, key=KEY):
    client = flickrapi.FlickrAPI(
        key, SECRET, format="parsed-json", store_token=False, timeout=timeout
    )
    client.flickr_oauth.session = requests.Session()
    return client


def one(fate, population=SMALL):
    return next(v for v in population.videos if v.fate is fate and v.public and v.is_video)


def get(url, **headers):
    return requests.get(url, headers=headers, timeout=30, allow_redirects=False)


def test_flickrapi_posts_and_is_answered(imitate):
    imitation = imitate(SMALL)
    video = one(Fate.WELL)

    info = flickr().photos.getInfo(photo_id=video.photo_id)["photo"]

    assert info["secret"] == video.secret
    (line,) = imitation.requests()
    assert (line.method, line.subject, line.worker, line.status) == (
        "flickr.photos.getInfo",
        str(video.photo_id),
        "main",
        200,
    )
    assert info["media"] == "video"


def test_a_wrong_key_is_told_so(imitate):
    imitate(SMALL)

    with pytest.raises(flickrapi.FlickrError, match="Invalid API Key") as caught:
        flickr(key="wrong").test.echo()
    assert caught.value.code == 100


def test_yt_dlp_finds_the_film_with_the_key_of_the_site(imitate, tmp_path):
    imitation = imitate(SMALL)
    video = one(Fate.WELL)
    options = {
        "outtmpl": {"default": str(tmp_path / "film.mp4")},
        "format": "288p/700",
        "compat_opts": {"no-certifi"},
        "cachedir": False,
        "quiet": True,
        "noprogress": True,
    }

    with yt_dlp.YoutubeDL(options) as downloader:
        downloader.extract_info(media.page_url(video))

    label = "700" if video.photo_id % 10 == 0 else "288p"
    assert (tmp_path / "film.mp4").read_bytes() == media.film_of(video, label)
    assert [line.method for line in imitation.requests()] == [
        "site_key",
        "flickr.photos.getInfo",
        "flickr.video.getStreamInfo",
        "play",
        "file",
    ]


@pytest.mark.parametrize(
    ("fate", "method", "code"),
    [
        (Fate.DELETED, "getInfo", 1),
        (Fate.PRIVATE, "getSizes", 1),
        (Fate.LOCKED, "getSizes", 2),
    ],
)
def test_what_is_gone_has_a_code(imitate, fate, method, code):
    imitate(SMALL)

    with pytest.raises(flickrapi.FlickrError) as caught:
        getattr(flickr().photos, method)(photo_id=one(fate).photo_id)
    assert caught.value.code == code


def test_a_relicensed_video_reserves_all_rights(imitate):
    imitate(SMALL)
    video = next(v for v in SMALL.videos if v.fate is Fate.RELICENSED and v.license and v.public)

    info = flickr().photos.getInfo(photo_id=video.photo_id)["photo"]

    assert int(info["license"]) == 0


def test_a_signed_address_ends(imitate):
    imitate(SMALL, signed_for_s=-1)
    video = one(Fate.WELL)
    rendition = next(r for r in media.renditions_of(video) if not r.retired)

    redirect = get(rendition.play_url(video))

    assert redirect.status_code == 302
    assert get(redirect.headers["Location"]).status_code == 403


def test_a_film_can_be_had_in_parts(imitate):
    imitate(SMALL)
    video = one(Fate.WELL)
    label = "700" if video.photo_id % 10 == 0 else "288p"
    url = get(f"https://www.flickr.com/photos/x/{video.photo_id}/play/{label}/{video.secret}/")

    part = get(url.headers["Location"], Range="bytes=1000-")

    assert part.status_code == 206
    assert part.content == media.film_of(video, label)[1000:]


def test_a_retired_file_is_not_there_and_a_text_looks_like_a_film(imitate):
    imitate(SMALL)
    retired, text = one(Fate.RETIRED), one(Fate.TEXT)
    label = next(r.label for r in media.renditions_of(text) if not r.retired)

    assert get(media.RETIRED[0].play_url(retired)).status_code == 404
    answer = requests.get(
        f"https://www.flickr.com/photos/x/{text.photo_id}/play/{label}/{text.secret}/", timeout=5
    )
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.content.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("fault", POSSIBLE[Kind.API])
def test_every_fault_of_the_api_reaches_flickrapi(imitate, fault):
    faults = FaultConfig(rate=1, kinds=frozenset({fault}), hang_s=30, retry_after_s=7)
    imitation = imitate(SMALL, faults=faults)
    expected = {
        Fault.HANG: requests.exceptions.ReadTimeout,
        Fault.RESET: requests.exceptions.ConnectionError,
        Fault.GARBLED: json.JSONDecodeError,
        Fault.PAGE: json.JSONDecodeError,
    }

    with pytest.raises(expected.get(fault, flickrapi.FlickrError)) as caught:
        flickr(timeout=0.3).test.echo()

    if fault.startswith("code-"):
        assert caught.value.code == int(fault.removeprefix("code-"))
    if fault in {Fault.BUSY, Fault.BUSY_UNTIL, Fault.BAD_GATEWAY, Fault.OVERLOADED, Fault.BROKEN}:
        assert f"Status code {fault[:3]} received" in str(caught.value)
    assert [line.fault for line in imitation.requests()] == [fault]


def test_retry_after_is_a_header(imitate):
    imitate(SMALL, faults=FaultConfig(rate=1, kinds=frozenset({Fault.BUSY_UNTIL})))

    answer = get("https://api.flickr.com/services/rest/?method=flickr.test.echo")

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


def test_faults_come_at_their_rate_and_are_the_same_again():
    faults = FaultConfig(rate=0.1, seed=5)

    chosen = [faults.choose(Kind.MEDIA, f"video {n}", 0) for n in range(5_000)]

    assert chosen == [faults.choose(Kind.MEDIA, f"video {n}", 0) for n in range(5_000)]
    assert 0.09 < sum(fault is not None for fault in chosen) / 5_000 < 0.11
    assert set(chosen) - {None} == set(POSSIBLE[Kind.MEDIA])


def test_an_expired_certificate_is_not_trusted(imitate):
    imitate(SMALL, expired=True)

    with pytest.raises(requests.exceptions.SSLError, match="certificate has expired"):
        get("https://www.flickr.com/")


def test_there_is_nothing_but_flickr(imitate):
    imitation = imitate(SMALL)
    proxy = urllib.request.ProxyHandler({"https": imitation.environment()["HTTPS_PROXY"]})

    with (
        pytest.raises(urllib.error.URLError, match="502"),
        closing(urllib.request.build_opener(proxy)) as opener,
    ):
        opener.open("https://example.com/", timeout=5)


def test_the_fullest_window_is_counted_wherever_it_begins():
    def line(time_s):
        return Request(
            time_s=time_s,
            kind=Kind.API,
            method="",
            subject="",
            worker="",
            status=200,
            fault=None,
        )

    assert most_in([line(t) for t in (0.0, 0.9, 1.8, 1.85, 1.89, 3.0)]) == 4
    assert most_in([line(t) for t in (0.0, 1.0, 2.0)]) == 1
    assert most_in([]) == 0
