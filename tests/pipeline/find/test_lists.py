"""Lists of addresses: what a line may be, and what makes two of them the same video."""

import bz2
import gzip
import json
import lzma

import pytest

from tinyvideo.pipeline.errors import RejectReason, UnreadableError
from tinyvideo.pipeline.find.list_rows import read_words
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


@pytest.mark.parametrize(
    "address",
    [
        "https://www.flickr.com/photos/ada/123456",
        "https://m.flickr.com/photos/ada/123456/",
        "https://m.flickr.com/#/photos/ada/123456/",
        "http://flickr.com/photos/12@N00/123456?x=1",
        "https://www.flickr.com/video_download.gne?id=123456",
        "https://www.flickr.com/photo.gne?id=123456",
        "https://flic.kr/p/Bhz",
        "https://www.flickr.com/photo.gne?short=Bhz",
        "https://live.staticflickr.com/65535/123456_abcdef0123.mp4",
        "https://live.staticflickr.com/video/123456/abcdef0123/360p.mp4?s=1",
    ],
)
def test_every_address_of_a_video_on_flickr_is_that_video(tmp_path, address):
    (record,) = read(tmp_path, address)
    expected = "flickr-123456" if "Bhz" not in address else f"flickr-{BHZ}"
    assert record.video_id == expected
    assert record.refused is None  # Flickr is asked for its license before it is fetched


BHZ = 35 * 58**2 + 16 * 58 + 33
"""B, h and z are digits 35, 16 and 33 of Flickr's 58: 123456789ab...zAB...Z without 0, l, I, O."""

GOOD = '{"url": "https://example.org/a.mp4", "license": "CC0"}'


@pytest.mark.parametrize(
    "line",
    [
        "ftp://example.org/a",
        "a.mp4",
        '{"title": "x"}',
        '{"url": 3}',
        "{url: 1}",
        "https://[bad/",
        "https://",
        "https://example.org:99999/a",
        "file://elsewhere/a.mp4",
        '{"url": "https://example.org/\\ud800"}',
    ],
)
def test_a_bad_line_is_named_by_number_and_the_others_are_read(tmp_path, line):
    path, bad = tmp_path / "list.txt", []
    path.write_text(f"# a list\n{GOOD}\n{line}\n\n{GOOD}\n", encoding="utf-8")
    records = list(read_list(path, bad=lambda number, what: bad.append((number, what))))
    assert [record.uri for record in records] == ["https://example.org/a.mp4"] * 2
    ((number, what),) = bad
    assert number == 3
    assert what


def test_a_line_that_is_no_text_or_too_long_is_one_bad_line(tmp_path):
    path, bad = tmp_path / "list.txt", []
    path.write_bytes(
        b"\xff\xfehalf\n".replace(b"\xff\xfe", b"\xe9\xe9")
        + b"x" * 3_000_000
        + b"\n"
        + GOOD.encode()
    )
    records = list(read_list(path, bad=lambda number, what: bad.append(number)))
    assert (len(records), bad) == (1, [1, 2])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_encoding_is_told_by_its_mark(tmp_path, encoding):
    path = tmp_path / "list.txt"
    path.write_text('{"url": "https://example.org/a.mp4", "title": "Füße"}\n', encoding=encoding)
    (record,) = read_list(path)
    assert record.title == "Füße"


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_list_may_be_csv(tmp_path, mark):
    lines = ["title,url,license", '"A, b",https://example.org/a.mp4,CC BY 4.0', "x,y,z,too many"]
    text = "\n".join(line if n == 1 else line.replace(",", mark) for n, line in enumerate(lines))
    if mark != ",":
        text = text.replace("mp4,CC", f"mp4{mark}CC").replace('",https', f'"{mark}https')
    path, bad = tmp_path / "list.csv", []
    path.write_text(text)
    (record,) = read_list(path, bad=lambda number, what: bad.append(number))
    assert (record.title, record.license, record.refused) == ("A, b", "CC BY 4.0", None)
    assert bad == [3]


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ({"license": "CC BY 4.0"}, True),
        ({"license": "cc-by-nc-sa-2.0"}, True),
        ({"license": "CC0"}, True),
        ({"license_url": "https://creativecommons.org/licenses/by-sa/4.0/"}, True),
        ({"license": "All Rights Reserved"}, False),
        ({"license": "CC BY-ND 4.0"}, False),
        ({"license": "Attribution-NoDerivs License"}, False),
        ({"license_url": "https://creativecommons.org/licenses/by-nd/4.0/"}, False),
        ({"license_url": "https://x.example/?creativecommons.org/licenses/by/4.0/"}, False),
        ({"license": "CC0", "license_url": "https://example.org/terms"}, False),
        ({"license": "mine"}, False),
        ({}, False),
    ],
)
def test_one_gate_for_rights_and_what_is_unknown_is_not_allowed(tmp_path, said, allowed):
    path = tmp_path / "list.jsonl"
    path.write_text(json.dumps({"url": "https://example.org/a.mp4", **said}))
    (record,) = read_list(path)
    assert (record.refused is None) == allowed
    assert allowed or "--any-license" in record.problem
    assert next(read_list(path, any_license=True)).refused is None


def test_what_lies_with_the_user_may_leave_its_license_unsaid_but_not_say_a_forbidden_one(tmp_path):
    unsaid, said = read(
        tmp_path, 's3://b/a.mp4\n{"url": "file:///a.mp4", "license": "All Rights Reserved"}'
    )
    assert unsaid.refused is None
    assert said.refused is RejectReason.NOT_ALLOWED_LICENSE


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UnreadableError, match="cannot be read"):
        list(read_list(tmp_path / "missing"))


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("name", PACKERS)
def test_a_packed_list_is_read_as_what_it_holds(tmp_path, name):
    path, bad = tmp_path / "list", []
    text = "url,title,license\nhttps://example.org/a.mp4,Füße,CC BY 4.0\nnothing\n"
    path.write_bytes(PACKERS[name](text.encode()))
    (record,) = read_list(path, bad=lambda number, what: bad.append(number))
    assert (record.title, bad) == ("Füße", [3])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableError, match="cannot be read"):
        list(read_list(path))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_end_as_on_any_system(tmp_path, end, encoding):
    path, bad = tmp_path / "list.txt", []
    path.write_bytes(end.join(["https://example.org/a.mp4", "", "?", GOOD]).encode(encoding))
    records = list(read_list(path, bad=lambda number, what: bad.append(number)))
    assert (len(records), bad) == (2, [3])


def test_a_first_line_longer_than_a_field_of_csv_may_be_is_a_line(tmp_path):
    path = tmp_path / "list.jsonl"
    path.write_text(json.dumps({"url": "https://example.org/a.mp4", "x": "y" * 200_000}))
    (record,) = read_list(path)
    assert record.uri == "https://example.org/a.mp4"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_words_are_read_as_lists_are(tmp_path, encoding):
    path = tmp_path / "words"
    path.write_bytes("Füße\r# none\r\r beach \rFüße".encode(encoding))
    assert read_words(path) == ["Füße", "beach"]
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_words(path) == ["Füße", "beach"]


def test_words_that_are_no_text_are_named_by_their_line(tmp_path):
    path = tmp_path / "words"
    path.write_bytes("beach\nschön\n".encode("latin-1"))
    with pytest.raises(UnreadableError, match="line 2"):
        read_words(path)


HEAD = "url,title,license"
A, B, C = (f"https://example.org/{name}.mp4" for name in "abc")


@pytest.mark.parametrize(
    ("lines", "titles", "wrong"),
    [
        ([f'{A},"two', 'lines",CC0', f"{B},b,CC0"], ["two\nlines", "b"], []),
        ([f'{A},"with ""quotes"", a comma, and', "", '# no note",CC0'], None, []),
        ([f'{A},"never ends', f'{B},"b",CC0', f"{C},c,CC0"], ["b", "c"], [2]),
        ([f'{A},"never ends', f'{B},a 12" screen,CC0', f'{C},"c",CC0'], ['a 12" screen', "c"], [2]),
        ([f'{A},"never ends', "nor here"], [], [2, 3]),
        ([f'{A},"x', *["more"] * 200, 'end",CC0', f"{B},b,CC0"], ["b"], [*range(2, 204)]),
    ],
)
def test_a_quoted_title_may_go_on_and_one_that_never_ends_swallows_nothing(
    tmp_path, lines, titles, wrong
):
    path, bad = tmp_path / "list.csv", []
    path.write_text("\n".join([HEAD, *lines]))
    records = list(read_list(path, bad=lambda number, what: bad.append(number)))
    titles = ['with "quotes", a comma, and\n\n# no note'] if titles is None else titles
    assert [record.title for record in records] == titles
    assert bad == wrong
