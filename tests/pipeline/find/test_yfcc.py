"""The videos of YFCC100M, from every form in which its metadata is passed on."""

import bz2
import gzip
import lzma
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tinyvideo.pipeline import outside_packed
from tinyvideo.pipeline.errors import RejectReason, UnreadableError
from tinyvideo.pipeline.find.yfcc import COLUMNS, read_yfcc100m

BY = "http://creativecommons.org/licenses/by/2.0/"
BY_ND = "http://creativecommons.org/licenses/by-nd/2.0/"


def fields(photo_id: int, marker: int = 1, license_url: str = BY) -> list[str]:
    """Make up a row of 23 columns, with what has to be decoded."""
    return [
        str(photo_id),
        "7@N00",
        "Ada+L.",
        "2012-02-16 09:56:37.0",
        "1329415000",
        "Canon+PowerShot",
        "the+sea%2C+today",
        "",
        "beach,sea",
        "",
        "12.5",
        "55.1",
        "16",
        f"http://www.flickr.com/photos/7@N00/{photo_id}/",
        f"http://www.flickr.com/videos/{photo_id}",
        "Attribution License",
        license_url,
        "7",
        "8",
        "c0ffee",
        "beef",
        "mov",
        str(marker),
    ]


def later_form(row: list[str]) -> list[str]:
    """Put a line number before a row, and a hash behind its id."""
    return ["17", row[0], "0123456789abcdef" * 2, *row[1:]]


ROWS = [fields(1), fields(2, marker=0), fields(3, license_url=BY_ND), fields(4, license_url="?")]


def text_of(rows: list[list[str]]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in rows).encode()


@pytest.fixture(params=["23 columns", "25 columns", "bz2", "gzip", "xz", "sqlite"])
def metadata(request, tmp_path) -> Path:
    path = tmp_path / "yfcc100m_dataset"
    if request.param == "23 columns":
        path.write_bytes(text_of(ROWS))
    elif request.param == "25 columns":
        path.write_bytes(text_of([later_form(row) for row in ROWS]))
    elif request.param == "gzip":
        path.write_bytes(gzip.compress(text_of(ROWS)))
    elif request.param == "xz":
        path.write_bytes(lzma.compress(text_of(ROWS)))
    elif request.param == "bz2":
        path.write_bytes(bz2.compress(text_of(ROWS)))
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"CREATE TABLE yfcc100m_dataset ({', '.join(COLUMNS)})")
            marks = ", ".join("?" * len(COLUMNS))
            db.executemany(f"INSERT INTO yfcc100m_dataset VALUES ({marks})", ROWS)
            db.commit()
    return path


def test_videos_come_with_their_rights_and_photos_do_not_come(metadata):
    free, no_derivatives, unknown = read_yfcc100m(metadata)
    assert free.video_id == "flickr-1"
    assert (free.source, free.title, free.owner_name) == ("yfcc100m", "the sea, today", "Ada L.")
    assert (free.owner, free.license, free.license_id) == ("7@N00", "CC BY 2.0", "4")
    assert (free.license_url, free.tags, free.uploaded_at) == (BY, "beach sea", 1329415000)
    assert (free.taken_at, free.latitude, free.longitude) == ("2012-02-16 09:56:37.0", 55.1, 12.5)
    assert free.uri.startswith("s3://multimedia-commons/data/videos/mp4/")
    assert free.refused is None
    assert no_derivatives.refused is unknown.refused is RejectReason.NOT_ALLOWED_LICENSE
    assert no_derivatives.license_id == "6"
    assert unknown.license == "Attribution License"


def test_videos_can_be_taken_from_flickr_and_under_every_license(metadata):
    records = list(read_yfcc100m(metadata, from_flickr=True, any_license=True))
    assert [record.uri for record in records] == ["flickr:1", "flickr:3", "flickr:4"]
    assert {record.refused for record in records} == {None}


def test_a_file_of_another_form_is_refused(tmp_path):
    path = tmp_path / "holidays.csv"
    path.write_text("a,b,c\n")
    with pytest.raises(UnreadableError, match="first line has 1 columns"):
        list(read_yfcc100m(path))


def test_a_broken_line_is_told_and_left_out(tmp_path, caplog):
    path = tmp_path / "yfcc100m_dataset"
    path.write_bytes(text_of([fields(1)]) + b"broken\t1\n" + text_of([fields(5)]))
    assert [record.video_id for record in read_yfcc100m(path)] == ["flickr-1", "flickr-5"]
    assert "line 2 of" in caplog.text


@pytest.mark.parametrize("photo_id", ["../../victim/thesis", "1\0", "*", "", "٣", "9" * 300])
def test_an_id_that_is_no_number_is_a_bad_line_in_the_books(tmp_path, photo_id):
    path = tmp_path / "yfcc100m_dataset"
    path.write_bytes(text_of([fields(1), fields(photo_id), fields(5)]))

    one, bad, five = read_yfcc100m(path)

    assert (one.video_id, five.video_id) == ("flickr-1", "flickr-5")
    assert bad.video_id.startswith("yfcc100m-bad-")
    assert "line 2 of" in bad.problem
    assert "photoid that is no number" in bad.problem


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("tinyvideo.pipeline.find.yfcc.MOST_LINE_BYTES", 1000)
    path = tmp_path / "yfcc100m_dataset"
    path.write_bytes(text_of([fields(1)]) + b"x" * 1001)
    with pytest.raises(UnreadableError, match="line 2 has more than 1000 bytes"):
        list(read_yfcc100m(path))


def test_a_packed_file_that_breaks_off_is_told(tmp_path):
    path = tmp_path / "yfcc100m_dataset.bz2"
    path.write_bytes(bz2.compress(text_of(ROWS))[:-20])
    with pytest.raises(UnreadableError, match="cannot be read as YFCC100M"):
        list(read_yfcc100m(path))


def test_xz_gets_no_more_memory_than_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "yfcc.xz"
    path.write_bytes(lzma.compress(text_of(ROWS)))
    assert len(list(read_yfcc100m(path))) > 0

    monkeypatch.setattr(outside_packed, "MOST_XZ", 2**20)
    with pytest.raises(UnreadableError, match="Memory usage limit"):
        list(read_yfcc100m(path))
