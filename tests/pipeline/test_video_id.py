"""What may be an id, and that nothing else becomes part of a record."""

import pickle

import pytest

from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.pipeline.video_id import VideoId


@pytest.mark.parametrize("text", ["flickr-1", "a:b_c-d.e", "7@N00", "x" * 200])
def test_an_id_of_plain_letters_is_taken_as_it_is(text):
    assert VideoId(text) == text
    assert pickle.loads(pickle.dumps(VideoId(text))) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a..b",
        "-rf",
        "a b",
        "a\n",
        "a\0",
        "é",
        "٣",
        "*",
        "x" * 201,
    ],
)
def test_what_could_be_a_path_a_pattern_or_an_option_is_no_id(text):
    with pytest.raises(ValueError, match="cannot name a file"):
        VideoId(text)
    with pytest.raises(ValueError, match="cannot name a file"):
        VideoRecord(video_id=text, source="own", uri="https://example.org/a.mp4")
