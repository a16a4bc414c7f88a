"""`tv.open`: an output that runs have made, read and added to from Python."""

import hashlib

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

import tinyvideo as tv
from tests.drawn.training_set import draw_clip
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.block_list import TakedownKind, enter_block
from tinyvideo.storage.outputs.output_address import OutputAddress

IDS = [
    f"films-{owner}-{n:05d}"
    for owner, first in (("Ada", 0), ("Bob", 4))
    for n in range(first, first + 4)
]
DERIVATIVES, NONE = "by/4.0/", "by-nd/4.0/"


def test_books_shards_and_rows(out):
    books = out.books()
    assert (books["balanced"], books["strips"], books["clips"]["rejected"]) == (
        True,
        8,
        {"shot_cut": 2},
    )
    (shard,) = out.shards
    assert pq.read_metadata(shard).num_rows == 8
    assert duckdb.read_parquet(out.shards).count("*").fetchall() == [(8,)]
    rows = list(out.strips())
    assert [row["strip_id"] for row in rows] == IDS
    assert "jpeg" not in rows[0]
    assert rows[0]["to_first"].shape == (32, 3, 3)


def test_pictures_are_decoded_where_asked(out):
    for number, row in enumerate(out.strips(["owner"], frames=True)):
        assert set(row) == {"owner", "frames"}
        assert row["frames"].shape == (32, 64, 64, 3)
        assert np.abs(row["frames"].astype(int) - draw_clip(number)).mean() < 4
    assert next(out.strips(["jpeg"]))["jpeg"].startswith(b"\xff\xd8")


def test_a_column_that_is_not_there_is_told_at_once(out):
    with pytest.raises(ValueError, match="no column 'flickr'"):
        out.strips(["flickr"])


def test_an_output_that_is_not_there(tmp_path):
    nowhere = tv.open(tmp_path / "nowhere")
    assert nowhere.datasets() == []
    for ask in (nowhere.books, lambda: nowhere.shards, lambda: list(nowhere.strips())):
        with pytest.raises(tv.ExpectedError, match="there is no catalog in"):
            ask()
    with pytest.raises(tv.ExpectedError, match="there is no dataset 'x'"):
        nowhere.dataset("x")
    with pytest.raises(tv.ExpectedError, match="no place for output"):
        tv.open("gopher://x")
    with pytest.raises(tv.ExpectedError, match="say where"):
        tv.open()


def test_settings_are_those_of_the_command_line(out, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYVIDEO_STORAGE", out.address)
    assert tv.open().books() == out.books()
    monkeypatch.setenv("TINYVIDEO_CATALOG", str(tmp_path / "elsewhere.db"))
    with pytest.raises(tv.ExpectedError, match=r"elsewhere\.db"):
        tv.open().books()


def video(name, **more):
    return tv.VideoRecord(video_id=f"mine-{name}", source="mine", uri="file:///a.mp4", **more)


def licensed(name, kind):
    return video(name, license_url=f"https://creativecommons.org/licenses/{kind}")


def test_own_videos_are_entered_by_the_rules_of_all_sources(tmp_path):
    out = tv.open(tmp_path / "out")
    assert out.add([video("early")]) == 1
    with OutputAddress.at(out.address).open() as output:
        enter_block(output.catalog.engine, TakedownKind.OWNER, "Eve", "")
    records = [
        video("early"), video("blocked", owner="Eve"), licensed("free", DERIVATIVES),
        licensed("kept", NONE), video("broken", problem="No such file"),
    ]  # fmt: skip
    assert out.add(records) == 4
    assert out.add([licensed("asked", NONE)], any_license=True) == 1

    with OutputAddress.at(out.address).open() as output:
        found = {row.record.video_id: (row.state, row.reason) for row in output.catalog.videos()}
    assert found == {
        "mine-early": (VideoState.PENDING, ""),
        "mine-blocked": (VideoState.REJECTED, "blocked"),
        "mine-free": (VideoState.PENDING, ""),
        "mine-kept": (VideoState.REJECTED, "not_allowed_license"),
        "mine-broken": (VideoState.FAILED, "unreadable"),
        "mine-asked": (VideoState.PENDING, ""),
    }
    assert out.books()["balanced"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"video_id": "../etc"}, "cannot name a file"),
        ({"video_id": ""}, "cannot name a file"),
        ({"source": ""}, "has no source"),
        ({"uri": "/films/a.mp4"}, r"as_uri\(\) makes one"),
        ({"uri": "file://host/a.mp4"}, "not the address of a local file"),
    ],
)
def test_records_that_cannot_work_are_refused(tmp_path, changes, said):
    told = {"video_id": "a", "source": "b", "uri": "https://c/d", **changes}
    with pytest.raises(ValueError, match=said):
        record = tv.VideoRecord(**told)
        tv.open(tmp_path / "out").add([record])


def test_a_dataset_by_query_by_ids_and_by_a_predicate(out):
    whole = out.build_dataset("whole", validation=0, test=0)
    assert (whole.name, whole.revision, whole.splits["train"]) == ("whole", 1, 8)
    assert "own_choice" not in whole.query
    assert out.build_dataset("whole", validation=0, test=0).revision == 1

    few = out.build_dataset("few", strips=IDS[2:5], validation=0, test=0)
    assert few.splits["train"] == 3
    assert few.query["own_choice"] == {
        "by": "list of strip ids", "columns": [], "strips": 3,
        "sha256": hashlib.sha256("\n".join(IDS[2:5]).encode()).hexdigest(),
    }  # fmt: skip

    seen = []

    def is_late(row):
        seen.append(row)
        return row["clip_index"] >= 3

    late = out.build_dataset(
        "late", where=is_late, columns=["clip_index", "owner"], max_jitter=9, test=0, validation=0
    )
    assert late.splits["train"] == 5
    assert seen[0] == {"clip_index": 0, "owner": "Ada"}
    own = late.query["own_choice"]
    assert own["by"].endswith("is_late")
    assert (own["columns"], own["strips"]) == (["clip_index", "owner"], 5)
    assert own["sha256"] == hashlib.sha256("\n".join(IDS[3:]).encode()).hexdigest()
    assert late.query["max_jitter"] == 9

    assert out.datasets() == ["few", "late", "whole"]
    assert out.dataset("late").query == late.query
    # The same choice anew is the same revision; another one is the next.
    assert out.build_dataset("few", strips=IDS[2:5], validation=0, test=0).revision == 1
    assert out.build_dataset("few", strips=IDS[2:4], validation=0, test=0).revision == 2


def test_what_cannot_be_chosen(out):
    for error, said, wishes in (
        (
            tv.ExpectedError,
            "1 of the 2 strips asked for are in no shard",
            {"strips": [IDS[0], "x"]},
        ),
        (tv.ExpectedError, "own choice='list of strip ids'", {"strips": []}),
        (ValueError, "preset must be one of", {"preset": "moon"}),
        (ValueError, "a query has no field 'min_flicker'", {"min_flicker": 1}),
        (ValueError, "not by both", {"strips": [], "where": bool}),
        (ValueError, "got the text", {"strips": IDS[0]}),
        (ValueError, "columns that a choice can look at", {"where": bool}),
        (ValueError, "columns that a choice can look at", {"where": bool, "columns": ["jpeg"]}),
    ):
        with pytest.raises(error, match=said):
            out.build_dataset("none", **wishes)
    assert out.datasets() == []
