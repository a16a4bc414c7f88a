"""`--source NAME=ADDRESS`: any source by its name, and one sentence where there is none."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipeline.find.test_yfcc import fields, text_of
from tinyvideo.flows.commands.source_options import whole_addresses
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.settings import SettingsError
from tinyvideo.flows.sources.crawl_sources import SOURCES, find_videos
from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.storage.catalog.crawl_pace import read_pace
from tinyvideo.storage.catalog.video_catalog import Catalog


@pytest.fixture
def catalog(tmp_path):
    catalog = Catalog.open(tmp_path / "catalog.db", make=True)
    yield catalog
    catalog.close()


def found(catalog, tmp_path, *sources):
    options = RunOptions.model_validate({"sources": sources, "out": tmp_path / "out"})
    assert options.elsewhere
    assert options.label == ", ".join(sources)
    return find_videos(catalog, options, lambda _: None)


def test_sources_by_name_are_read_one_after_the_other(catalog, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (films / name).touch()
    listed = tmp_path / "list.txt"
    listed.write_text("https://example.org/c.mp4\n")
    finding = found(catalog, tmp_path, f"folder={films}", f"list={listed}")
    assert (finding.found, finding.new) == (3, 3)
    assert found(catalog, tmp_path, f"folder={films}").new == 0


def test_while_sources_are_read_their_number_is_not_known_and_then_it_is(catalog, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("https://example.org/c.mp4\n")
    options = RunOptions.model_validate({"sources": [f"list={listed}"], "out": tmp_path / "out"})
    seen = []
    find_videos(catalog, options, lambda _: seen.append(read_pace(catalog).looking_since))
    assert seen[0] is not None
    assert read_pace(catalog).looking_since is None
    with pytest.raises(UnreadableError):
        found(catalog, tmp_path, f"list={tmp_path / 'none.txt'}")
    assert read_pace(catalog).looking_since is None  # who has failed looks no more


@pytest.mark.parametrize("source", ["archive=x", "folder", "folder=", "=x"])
def test_a_source_that_nobody_knows_is_refused_before_any_is_read(catalog, tmp_path, source):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(SettingsError, match="--source is NAME=ADDRESS with a name of folder, list"):
        found(catalog, tmp_path, f"folder={tmp_path}", source)
    assert catalog.position()[1] == 0


def test_a_path_that_is_not_whole_is_refused_and_a_home_is_known(catalog, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.mp4").touch()
    with pytest.raises(SettingsError, match="the source films: give the whole path"):
        found(catalog, tmp_path, "folder=films")
    assert found(catalog, tmp_path, "folder=~").new == 1


def test_the_command_line_makes_paths_whole_that_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").touch()
    told = whole_addresses(["list=list.txt", "bucket=s3://b/films", "list=none.txt"])
    assert told == (f"list={tmp_path / 'list.txt'}", "bucket=s3://b/films", "list=none.txt")


def test_every_source_has_a_name_that_can_be_typed():
    assert all(name.isalnum() and name.islower() for name in SOURCES)


def test_a_crafted_id_is_in_the_books_and_deletes_nothing(catalog, tmp_path):
    victim = tmp_path / "victim" / "thesis"
    victim.mkdir(parents=True)
    (victim / "chapter1").write_text("mine")
    (tmp_path / "yfcc").write_bytes(text_of([fields("../../victim/thesis"), fields(5)]))

    finding = found(catalog, tmp_path, f"yfcc100m={tmp_path / 'yfcc'}")

    assert (finding.found, finding.new) == (2, 2)
    books = catalog.books()
    assert books.problems == []
    assert (books.videos.failed, books.videos.pending) == ({"unreadable": 1}, 1)
    (bad,) = [row for row in catalog.videos() if row.record.video_id.startswith("yfcc100m-bad-")]
    assert bad.detail == (
        f"line 1 of {tmp_path / 'yfcc'} has a photoid that is no number: '../../victim/thesis'"
    )
    assert (victim / "chapter1").read_text() == "mine"


def test_bad_lines_are_counted_and_named_in_a_file_and_parquet_is_a_list_too(catalog, tmp_path):
    listing, table = tmp_path / "list.txt", tmp_path / "list.parquet"
    listing.write_text("s3://b/a.mp4\nhttps://[bad/\ns3://b/c.mp4\nnothing\n")
    options = RunOptions.model_validate({"urls": listing, "out": tmp_path / "out"})
    finding = find_videos(catalog, options, lambda _: None)
    assert finding.new == 2
    named = finding.bad_lines[0].path.read_text().splitlines()
    assert [line.split(":")[0] for line in named] == ["line 2", "line 4"]

    pq.write_table(pa.table({"url": ["s3://b/d.mp4", None], "license": ["CC0", None]}), table)
    options = RunOptions.model_validate({"urls": table, "out": tmp_path / "out"})
    finding = find_videos(catalog, options, lambda _: None)
    assert (finding.new, finding.bad_lines[0].count) == (1, 1)


def test_two_lists_of_one_name_have_a_file_each_and_a_clean_one_leaves_none(catalog, tmp_path):
    lists = [tmp_path / name / "list.txt" for name in ("a", "b")]
    for number, listing in enumerate(lists):
        listing.parent.mkdir()
        listing.write_text(f"s3://b/{number}.mp4\n" + "nothing\n" * (number + 1))
    named = {"sources": [f"list={path}" for path in lists], "out": tmp_path / "out"}
    told = find_videos(catalog, RunOptions.model_validate(named), lambda _: None)
    first, second = told.told_of_bad_lines()
    assert (first["count"], second["count"]) == (1, 2)
    files = [Path(one["named_in"]) for one in (first, second)]
    assert [len(path.read_text().splitlines()) for path in files] == [1, 2]

    lists[0].write_text("s3://b/0.mp4\n")  # mended
    again = find_videos(catalog, RunOptions.model_validate(named), lambda _: None)
    assert [one["count"] for one in again.told_of_bad_lines()] == [2]
    assert not files[0].exists()
