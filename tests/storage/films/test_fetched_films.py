"""Films that were fetched are found again, whole or not at all."""

from pathlib import Path

import pytest

from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import Film, VideoRecord, VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.films.fetched_films import RawFolder
from tinyvideo.storage.objects.folder import FolderStore


def record(number, **more):
    return VideoRecord(video_id=f"flickr-{number}", source="flickr", uri=f"flickr:{number}", **more)


@pytest.fixture
def raw(tmp_path):
    folder = RawFolder(FolderStore(tmp_path))
    folder.path.mkdir()
    return folder


def put(raw, number, content=b"a film"):
    path = raw.path / f"flickr-{number}.mp4"
    path.write_bytes(content)
    rights = record(number, license_id="4", title="as it was when it was fetched")
    return Film(record=rights, path=path, size=len(content), sha256="0a", rendition="288p")


def test_a_film_is_found_with_its_rights(raw):
    film = put(raw, 1)
    assert raw.find(record(1)) is None  # not noted, so not known to be whole
    raw.enter(film)

    assert raw.find(record(1)) == film
    assert raw.find(record(2)) is None


def test_a_film_that_was_cut_is_not_there(raw):
    film = put(raw, 1)
    raw.enter(film)
    film.path.write_bytes(b"a fi")

    assert raw.find(record(1)) is None


def test_what_belongs_to_a_video_goes_with_it(raw):
    raw.enter(put(raw, 1))
    raw.enter(put(raw, 11))
    (raw.path / "flickr-1.part").mkdir()
    (raw.path / "flickr-1.part" / "288p.mp4.part").write_bytes(b"half")

    raw.drop("flickr-1")

    assert {path.name for path in raw.path.iterdir()} == {"flickr-11.mp4", "flickr-11.json"}


def test_an_id_with_a_dot_is_another_video(raw):
    for name in ("a", "a.b"):
        path = raw.path / f"{name}.mp4"
        path.write_bytes(b"a film")
        rights = VideoRecord(video_id=name, source="own", uri="https://example.org/x")
        raw.enter(Film(record=rights, path=path, size=6, sha256="0a", rendition="file"))

    raw.drop("a")

    assert {path.name for path in raw.path.iterdir()} == {"a.b.mp4", "a.b.json"}


@pytest.mark.parametrize("name", ["../mine.mp4", "/etc/passwd"])
def test_a_note_that_names_a_file_elsewhere_is_none(raw, name):
    (raw.path.parent / "mine.mp4").write_bytes(b"a film")
    raw.enter(put(raw, 1))
    note = raw.path / "flickr-1.json"
    note.write_text(note.read_text().replace("flickr-1.mp4", name))

    assert raw.find(record(1)) is None


@pytest.mark.parametrize("video_id", ["../../victim/thesis", "*", "", ".."])
def test_an_id_that_is_a_path_deletes_nothing(raw, video_id):
    raw.enter(put(raw, 1))
    with pytest.raises(ValueError, match="cannot name a file"):
        raw.drop(video_id)
    assert len(list(raw.path.iterdir())) == 2


def test_films_of_videos_that_have_ended_go(raw, tmp_path):
    catalog = Catalog.open(tmp_path / "catalog.db")
    catalog.add(map(record, range(3)))
    catalog.lease(2)
    catalog.settle("flickr-0", VideoState.FAILED, FailCause.HTML_BODY, "a page")
    for number in (0, 1, 2, 9):  # 1 is leased, 2 pending, 9 nobody's
        raw.enter(put(raw, number))
    (raw.path / "holiday.mp4").touch()  # a user's

    assert raw.drop_ended(catalog) == 1

    catalog.close()
    left = {path.name for path in Path(raw.path).glob("*.mp4")}
    assert left == {"flickr-1.mp4", "flickr-2.mp4", "flickr-9.mp4", "holiday.mp4"}
