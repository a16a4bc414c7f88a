"""Which file of a video is taken, from entries as Flickr has recorded them."""

import pytest

from tinyvideo.pipeline.fetch.renditions import choose_renditions


def entry(label, width="", height="", media="video", end="/"):
    source = f"https://www.flickr.com/photos/me/1/play/{label}/abc{end}"
    return {"label": label, "width": width, "height": height, "source": source, "media": media}


NEW = [
    entry("Square", 75, 75, media="photo", end=".jpg"),
    entry("Original", "1920", "1080", media="photo", end=".jpg"),
    entry("Video Player", 1920, 1080, end="/stewart.swf?v=3"),
    entry("1080p", "1920", "1080"),
    entry("720p", 1280, 720),
    entry("appletv"),
    entry("700"),
    entry("360p", "640", 360),
    entry("iphone_wifi"),
    entry("288p", 512, "288"),
]
"""Numbers come as texts and as numbers, and some files do not say how large they are."""


@pytest.mark.parametrize(
    ("short_side", "expected"),
    [
        # 1.5 x 128 and 1.5 x 240 pixels; what is retired comes last.
        (192, ["288p", "360p", "700", "appletv", "720p", "1080p", "iphone_wifi"]),
        (360, ["360p", "700", "appletv", "720p", "1080p", "288p", "iphone_wifi"]),
        # None is large enough: then the largest.
        (2000, ["1080p", "720p", "appletv", "700", "360p", "288p", "iphone_wifi"]),
    ],
)
def test_the_smallest_that_serves_comes_first(short_side, expected):
    assert [film.label for film in choose_renditions(NEW, short_side)] == expected


def test_old_videos_have_old_names():
    sizes = [entry("Site MP4"), entry("Mobile MP4"), entry("HD MP4")]

    chosen = choose_renditions(sizes, 192)

    assert [film.label for film in chosen] == ["Site MP4", "HD MP4", "Mobile MP4"]


def test_a_name_that_nobody_knows_is_better_than_nothing():
    assert [film.label for film in choose_renditions([entry("8k_new")], 192)] == ["8k_new"]
    assert choose_renditions(NEW[:3], 192) == []


def test_an_address_that_is_none_costs_itself_alone():
    sizes = [{**entry("360p", 640, 360), "source": "https://[bad/"}, entry("288p", 512, 288)]
    assert [film.label for film in choose_renditions(sizes, 192)] == ["288p"]
