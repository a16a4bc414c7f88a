"""Lists of addresses: what a line may be, and what makes two of them the same video."""

import pytest

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.find.lists import read_list


def read(tmp_path, text):
    path = tmp_path / "list.jsonl"
    path.write_text(text, encoding="utf-8")
    return list(read_list(path))


def test_addresses_and_objects_may_stand_side_by_side(tmp_path):
    plain, told = read(
        tmp_path,
        "# videos\n\nhttps://example.org/films/a.mp4\n"
        '{"url": "s3://bucket/b.mp4", "title": "B", "owner": "Ada", "license": "CC0", "x": 1}\n',
    )
    assert (plain.source, plain.uri, plain.title) == (
        ("url", "https://example.org/films/a.mp4", "a.mp4")
    )
    assert plain.video_id.startswith("url-")
    assert (told.uri, told.title, told.owner, told.license) == (
        ("s3://bucket/b.mp4", "B", "Ada", "CC0")
    )


def test_an_id_depends_on_nothing_but_the_address(tmp_path):
    one, two, other = read(
        tmp_path,
        'https://example.org/a.mp4\n{"url": "https://example.org/a.mp4", "title": "A"}\n'
        "https://example.org/b.mp4\n",
    )
    assert one.video_id == two.video_id != other.video_id


def test_the_page_of_a_video_on_flickr_is_that_video(tmp_path):
    (record,) = read(tmp_path, "https://www.flickr.com/photos/ada/123/in/album-7\n")
    assert (record.video_id, record.uri) == ("flickr-123", "flickr:123")
    assert record.page_url == "https://www.flickr.com/photos/ada/123/in/album-7"


@pytest.mark.parametrize("line", ["ftp://example.org/a", "a.mp4", '{"title": "x"}', '{"url": 3}'])
def test_a_line_without_an_address_is_named(tmp_path, line):
    with pytest.raises(UnreadableError, match=r"line 1 of .*list\.jsonl has no address"):
        read(tmp_path, line)


def test_a_line_that_is_no_json_and_a_missing_file_are_told(tmp_path):
    with pytest.raises(UnreadableError, match=r"line 1 .* is no JSON"):
        read(tmp_path, "{url: 1}")
    with pytest.raises(UnreadableError, match="cannot be read"):
        list(read_list(tmp_path / "missing"))
