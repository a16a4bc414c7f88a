"""A row says everything about its strip, in the types that the schema promises."""

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest

from tests.drawn.strip_rows import draw_record, draw_scenes, draw_strip
from tinyvideo.pipeline.types import Crop, Overlay, StabilizationFigures, StoredAs
from tinyvideo.storage.shards.schema import (
    SCHEMA,
    SCHEMA_VERSION,
    STORED,
    crop_of,
    row_of,
)
from tinyvideo.storage.shards.strip_columns import described

RECORD = draw_record(
    7,
    owner="Ada",
    owner_name="Ada L.",
    page_url="https://example.org/7",
    license="CC BY 4.0",
    license_id="11",
    license_url="https://creativecommons.org/licenses/by/4.0/",
    title='🏖️ "sea"',
)


def test_a_row_has_exactly_the_columns_of_the_schema():
    assert list(row_of(RECORD, draw_strip(), "0.1.0", "c0ffee")) == SCHEMA.names


def test_a_row_carries_the_rights_the_place_and_the_figures():
    figures = StabilizationFigures(
        inlier_ratio=0.875,
        reprojection_rmse_px=0.25,
        visible_share=0.75,
        camera_motion_px=4.5,
        camera_still=False,
        motion_model="affine",
        condition_number=1.5,
        drift_px=0.5,
        jitter_px=0.125,
        residual_motion_px=1.25,
        filled_share=0.0625,
        object_motion=0.375,
        flicker=2.5,
        still_share=0.75,
        still_rim=0.625,
        still_sides=3,
        still_margin=0.5,
    )
    crop = Crop(left=0, top=22, width=320, height=136)
    overlay = Overlay(share=0.25, place=Crop(left=8, top=9, width=70, height=11))
    stored_as = StoredAs(
        transfer="pq", primaries="bt2020", field_order="top first", interlaced_was=True
    )
    strip = draw_strip(
        3, source_step=2, figures=figures, crop=crop, overlay=overlay, stored_as=stored_as
    )
    row = row_of(RECORD, strip, "0.1.0", "c0ffee")
    jpeg, to_first = row.pop("jpeg"), row.pop("to_first")
    assert row == {
        "strip_id": "folder-0000000000000007-00003",
        "video_id": "folder-0000000000000007",
        "source": "folder",
        "uri": None,
        "source_file": "7.mp4",
        "page_url": "https://example.org/7",
        "owner": "Ada",
        "owner_name": "Ada L.",
        "title": '🏖️ "sea"',
        "license": "CC BY 4.0",
        "license_id": "11",
        "license_url": "https://creativecommons.org/licenses/by/4.0/",
        "clip_index": 3,
        "start_frame": 96,
        "start_s": pytest.approx(3.84),
        "fps": 25.0,
        "source_step": 2,
        "source_frames": None,
        "source_width": 320,
        "source_height": 180,
        "crop_left": 0,
        "crop_top": 22,
        "crop_width": 320,
        "crop_height": 136,
        "overlay_share": 0.25,
        "overlay_left": 8,
        "overlay_top": 9,
        "overlay_width": 70,
        "overlay_height": 11,
        "transfer": "pq",
        "primaries": "bt2020",
        "field_order": "top first",
        "interlaced_was": True,
        "size": 16,
        "frames": 32,
        "inlier_ratio": 0.875,
        "reprojection_rmse_px": 0.25,
        "visible_share": 0.75,
        "camera_motion_px": 4.5,
        "camera_still": False,
        "motion_model": "affine",
        "condition_number": 1.5,
        "drift_px": 0.5,
        "jitter_px": 0.125,
        "residual_motion_px": 1.25,
        "filled_share": 0.0625,
        "object_motion": 0.375,
        "flicker": 2.5,
        "still_share": 0.75,
        "still_rim": 0.625,
        "still_sides": 3,
        "still_margin": 0.5,
        "near_duplicate_group": None,
        "near_duplicate_hash": None,
        "scene_model": "places365-resnet18",
        "scenes": [
            {"scene": "beach", "probability": 0.75},
            {"scene": "harbor", "probability": 0.125},
        ],
        "pipeline_version": "0.1.0",
        "config_hash": "c0ffee",
    }
    assert jpeg == strip.jpeg
    np.testing.assert_array_equal(np.reshape(to_first, (32, 3, 3)), strip.to_first)


def test_a_row_says_which_frames_of_the_film_it_shows_where_they_are_uneven():
    frames = tuple(number * 5 // 4 for number in range(32))  # 24 in 30: 0, 1, 2, 3, 5, ...
    row = row_of(RECORD, draw_strip(source_frames=frames), "0.1.0", "c0ffee")
    assert row["source_frames"][:6] == [0, 1, 2, 3, 5, 6]
    table = pa.Table.from_pylist([row], schema=SCHEMA)
    assert table["source_frames"].to_pylist() == [list(frames)]


def test_a_strip_without_a_classifier_has_no_scenes():
    row = row_of(RECORD, draw_strip(scenes=None), "0.1.0", "c0ffee")
    assert (row["scene_model"], row["scenes"]) == (None, [])


def test_a_proxy_is_named_as_the_model():
    scenes = draw_scenes("imagenet-proxy", beach=0.5)
    row = row_of(RECORD, draw_strip(scenes=scenes), "0.1.0", "c0ffee")
    assert row["scene_model"] == "imagenet-proxy"


def test_rows_fit_the_schema_without_loss():
    rows = [row_of(RECORD, draw_strip(index), "0.1.0", "c0ffee") for index in range(3)]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    table.validate(full=True)
    assert table.to_pylist() == rows


ALWAYS_KNOWN = (
    *("strip_id", "video_id", "source", "clip_index", "size", "frames", "jpeg", "scenes"),
    *("pipeline_version", "config_hash"),
)


def test_nothing_in_a_row_may_be_missing_but_what_need_not_be_known():
    assert tuple(field.name for field in SCHEMA if not field.nullable) == ALWAYS_KNOWN
    stored = [field.name for field in STORED if not field.nullable]
    assert stored == [name for name in ALWAYS_KNOWN if name != "jpeg"]  # the writer looks for it


def test_every_column_says_its_unit_its_meaning_and_what_null_is_in_the_file_itself():
    for field in STORED:
        told = described(field)
        assert told["unit"], field.name
        assert told["meaning"].endswith("."), field.name
        assert ("Null: " in told["meaning"]) == SCHEMA.field(field.name).nullable, field.name


def test_what_nobody_knows_is_null_whatever_stands_for_it_in_a_strip():
    nan = float("nan")
    figures = StabilizationFigures(
        inlier_ratio=nan,
        reprojection_rmse_px=nan,
        visible_share=nan,
        camera_motion_px=nan,
        camera_still=False,
        motion_model="unknown",
        flicker=nan,
    )
    strip = draw_strip(start_frame=-1, start_s=nan, fps=nan, source_width=0, figures=figures)
    row = row_of(draw_record(7, title=""), strip, "0.1.0", "c0ffee")
    unknown = ("start_frame", "start_s", "fps", "source_step", "source_width", "to_first")
    shares = ("inlier_ratio", "camera_still", "motion_model", "flicker", "title", "owner")
    assert {name for name in (*unknown, *shares) if row[name] is not None} == set()
    assert row["source_height"] == 180
    pa.Table.from_pylist([row], schema=SCHEMA).validate(full=True)


URIS = {
    "file:///home/ada/a%20b.mp4": (None, "a b.mp4"),
    "https://ada:secret@example.org/x/f.mp4?sig=1&token=abc": (
        "https://***@example.org/x/f.mp4?sig=1&token=***",
        "f.mp4",
    ),
    "https://example.org": ("https://example.org", None),
    "s3://bucket/a b%20c/f.mp4": ("s3://bucket/a b%20c/f.mp4", "f.mp4"),
    "flickr:123": ("flickr:123", None),
    "tinyvideo:videos1/7/7/77.mp4": ("tinyvideo:videos1/7/7/77.mp4", "77.mp4"),
}


@pytest.mark.parametrize(("uri", "told"), URIS.items(), ids=URIS)
def test_a_row_tells_nobody_the_folders_of_whoever_made_it(uri, told):
    row = row_of(draw_record(7, uri=uri), draw_strip(), "0.1.0", "c0ffee")
    assert (row["uri"], row["source_file"]) == told


def test_a_crop_comes_back_from_its_row_and_none_as_none():
    crop = Crop(left=3, top=22, width=317, height=136)
    assert crop_of(row_of(RECORD, draw_strip(crop=crop), "0.1.0", "c0ffee")) == crop
    assert crop_of(row_of(RECORD, draw_strip(), "0.1.0", "c0ffee")) is None


def test_every_figure_of_the_certificate_is_a_column():
    assert {field.name for field in fields(StabilizationFigures)} <= set(SCHEMA.names)


def test_the_schema_carries_its_version():
    assert SCHEMA.metadata == {b"tinyvideo.schema_version": str(SCHEMA_VERSION).encode()}
    assert STORED.metadata[b"tinyvideo.schema_version"] == b"6"
