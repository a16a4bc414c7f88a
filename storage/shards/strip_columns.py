"""The columns of a strip: name, type, unit and meaning of each, and what null says there.

Unit and meaning lie in the field's metadata, so that they are in every file, and `tinyvideo schema`
and the book print them. What is not known is null in every column, and nothing else is: no NaN,
which sorts above all numbers elsewhere, no -1, no empty text.

Cost: data only; 9 kB of a shard.
"""

from collections.abc import Mapping

import pyarrow as pa

from tinyvideo.pipeline.types import STRIP_FRAMES

PICTURE = "jpeg"
"""The one large column."""

HASH = "near_duplicate_hash"
"""The one column of bytes beside it: JSON has no word for these."""

CROP_COLUMNS = ("crop_left", "crop_top", "crop_width", "crop_height")
"""What `Strip.crop` is in a row, in the order of its fields."""

OVERLAY_COLUMNS = ("overlay_left", "overlay_top", "overlay_width", "overlay_height")
"""What the place of `Strip.overlay` is in a row."""

UNIT, MEANING = b"unit", b"meaning"
"""What a field's metadata holds."""

_TEXT, _REAL, _TIME = pa.string(), pa.float32(), pa.float64()
_PX, _SHARE, _FRAMES = "px", "share, 0 to 1", "frames of the source"
_TAG = pa.struct([("scene", pa.string()), ("probability", pa.float32())])
_NOT_TOLD = "the source does not say"
_IMPORTED = "an imported strip of which nobody knows"
_BEFORE_4 = "nobody looked: before schema version 4, by the method of 2016, and in imported strips"
_NO_BARS = "nothing was cut off, or nobody looked: before schema version 4"
_NO_OVERLAY = "as overlay_share, and where nothing was found"


def _column(name: str, kind: pa.DataType, unit: str, meaning: str, null: str = "") -> pa.Field:
    says = f"{meaning} Null: {null}." if null else meaning
    return pa.field(name, kind, nullable=bool(null), metadata={UNIT: unit, MEANING: says})


COLUMNS: tuple[pa.Field, ...] = (
    _column(
        "strip_id", _TEXT, "name", "Name of the strip: the video's id and the number of its window."
    ),
    _column(
        "video_id", _TEXT, "name", "As in the catalog: flickr- and the photo's id, for instance."
    ),
    _column(
        "source",
        _TEXT,
        "name",
        "Which way in it came: folder, flickr, yfcc100m, url, s3, tinyvideo.",
    ),
    _column(
        "uri",
        _TEXT,
        "address",
        "Where its bytes were, without passwords: https://..., s3://..., flickr:123.",
        "it lay on a disk of whoever made the strip",
    ),
    _column(
        "source_file",
        _TEXT,
        "name",
        "Name of the film's file, without its folders.",
        "it has none at its source",
    ),
    _column("page_url", _TEXT, "address", "Page of the video at its source.", "there is none"),
    _column(
        "owner",
        _TEXT,
        "name",
        "Who made it, as the source names them (Flickr: NSID); splits are disjoint by owner.",
        _NOT_TOLD,
    ),
    _column("title", _TEXT, "text", "Title at the source; of a file, its name.", _NOT_TOLD),
    _column("owner_name", _TEXT, "text", "The owner's name for people.", _NOT_TOLD),
    _column("license", _TEXT, "text", "Name of the license, as the source has it.", _NOT_TOLD),
    _column(
        "license_id", _TEXT, "name", "Flickr's number of the license.", "the source has no numbers"
    ),
    _column("license_url", _TEXT, "address", "Address of the license's text.", _NOT_TOLD),
    _column(
        "clip_index",
        pa.int32(),
        "windows",
        "Number of the window within the video, from 0; dropped windows count too.",
    ),
    _column(
        "start_frame",
        pa.int64(),
        _FRAMES,
        "First frame, counted in decoded frames of the source from 0.",
        _IMPORTED,
    ),
    _column(
        "start_s",
        _TIME,
        "s",
        "Time stamp of the first frame, in seconds from the start of the video.",
        _IMPORTED,
    ),
    _column(
        "fps",
        _TIME,
        "frames per s",
        "Frames per second of the strip. Of a film that repeats its frames, what it was filmed at.",
        _IMPORTED,
    ),
    _column(
        "source_step",
        pa.int8(),
        _FRAMES,
        "Source frames per strip frame: 1 to 8, and more where the film repeats its frames.",
        _IMPORTED,
    ),
    _column(
        "source_frames",
        pa.list_(pa.int64()),
        _FRAMES,
        "Which frames of the source these are, counted in decoded frames from 0.",
        "every source_step-th from start_frame on",
    ),
    _column(
        "source_width",
        pa.int32(),
        _PX,
        "Width of the source picture, in pixels, after rotation.",
        _IMPORTED,
    ),
    _column(
        "source_height",
        pa.int32(),
        _PX,
        "Height of the source picture, in pixels, after rotation.",
        _IMPORTED,
    ),
    _column(
        "crop_left",
        pa.int32(),
        _PX,
        "Columns at the left that are a black bar, or hold a logo, in source pixels.",
        _NO_BARS,
    ),
    _column(
        "crop_top",
        pa.int32(),
        _PX,
        "Rows at the top that are a black bar, or hold a logo, in source pixels.",
        _NO_BARS,
    ),
    _column(
        "crop_width",
        pa.int32(),
        _PX,
        "Width of what is left of the picture, in source pixels.",
        _NO_BARS,
    ),
    _column(
        "crop_height",
        pa.int32(),
        _PX,
        "Height of what is left of the picture, in source pixels.",
        _NO_BARS,
    ),
    _column(
        "overlay_share",
        _REAL,
        _SHARE,
        "Share of the picture that stays on the screen while the rest moves.",
        "the camera hardly moves, so that nobody can tell, and before schema version 4",
    ),
    _column(
        "overlay_left",
        pa.int32(),
        _PX,
        "Where the largest patch that stays on the screen begins, in source pixels.",
        _NO_OVERLAY,
    ),
    _column("overlay_top", pa.int32(), _PX, "The same from the top.", _NO_OVERLAY),
    _column(
        "overlay_width", pa.int32(), _PX, "Width of that patch, in source pixels.", _NO_OVERLAY
    ),
    _column(
        "overlay_height", pa.int32(), _PX, "Height of that patch, in source pixels.", _NO_OVERLAY
    ),
    _column(
        "transfer",
        _TEXT,
        "name",
        "Transfer function of the film: bt709, smpte170m, pq, hlg, ...",
        "the film does not say, and before schema version 4",
    ),
    _column(
        "primaries",
        _TEXT,
        "name",
        "Primaries of the film: bt709, bt2020, display-p3, ...",
        "the film does not say, and before schema version 4",
    ),
    _column(
        "field_order",
        _TEXT,
        "name",
        "progressive, top first or bottom first, as the film's header has it.",
        "the film does not say, and before schema version 4",
    ),
    _column(
        "interlaced_was",
        pa.bool_(),
        "yes or no",
        "Whether the film's frames said, or showed, that they were made of fields.",
        "nobody looked",
    ),
    _column("size", pa.int16(), _PX, "Width and height of one frame of the strip, in pixels."),
    _column("frames", pa.int16(), "frames", "Frames of the strip: 32."),
    _column(
        PICTURE,
        pa.binary(),
        "JPEG",
        "The strip as one JPEG, 32 frames below each other: size pixels wide, 32 x size high. In "
        "the file it is a pair of bytes and path, so that other programs show a picture.",
    ),
    _column(
        "to_first",
        pa.list_(pa.float64(), STRIP_FRAMES * 9),
        "matrices",
        "32 matrices of 3 x 3, row by row: pixels of frame t of the source to those of frame 0.",
        _IMPORTED,
    ),
    _column(
        "inlier_ratio",
        _REAL,
        _SHARE,
        "Share of the keypoints that the camera path explains over the whole window; where none "
        "were followed, as on a tripod, of the blocks of the picture that show texture.",
        _IMPORTED,
    ),
    _column(
        "reprojection_rmse_px",
        _REAL,
        _PX,
        "Largest root mean square distance of a frame's inliers, in working pixels.",
        _IMPORTED,
    ),
    _column(
        "visible_share",
        _REAL,
        _SHARE,
        "Least share of the strip that a frame fills with its own pixels.",
        _IMPORTED,
    ),
    _column(
        "camera_motion_px",
        _REAL,
        _PX,
        "Largest way that a corner of the strip was moved to stand still, in strip pixels.",
        _IMPORTED,
    ),
    _column(
        "camera_still",
        pa.bool_(),
        "yes or no",
        "The camera did not move, so the frames were left exactly as they are.",
        _IMPORTED,
    ),
    _column(
        "motion_model",
        _TEXT,
        "name",
        "The simplest map that explains the camera: still, shift, similarity, affine, homography; "
        "or parallax, where a scene with depth was kept from trembling instead.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "condition_number",
        _REAL,
        "ratio",
        "Worst ratio of the largest to the least singular value of a frame's map, in strip units: "
        "1 is a rigid motion.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "drift_px",
        _REAL,
        _PX,
        "Largest disagreement between the direct and the chained estimate of a frame, in strip "
        "pixels. Of a parallax, how far the planes have moved apart.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "jitter_px",
        _REAL,
        _PX,
        "Tremble that is left: root mean square of the background's second difference in time, in "
        "strip pixels.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "residual_motion_px",
        _REAL,
        _PX,
        "Camera motion that is left: median way of the background from where it was in frame 0, "
        "in the worst frame, in strip pixels.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "filled_share",
        _REAL,
        _SHARE,
        "Mean share of the strip's pixels that come from an earlier frame.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "object_motion",
        _REAL,
        _SHARE,
        "How much moves when the camera stands still: share of the picture.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "flicker",
        _REAL,
        "levels, 0 to 255",
        "Mean over pixels of the median over time of the change between neighboring frames, "
        "before JPEG.",
        f"{_IMPORTED}, and before schema version 2",
    ),
    _column(
        "still_share",
        _REAL,
        _SHARE,
        "How much of what shows texture stands still, by area.",
        _BEFORE_4,
    ),
    _column(
        "still_rim",
        _REAL,
        _SHARE,
        "As still_share, at the left, right and upper rim of the film's picture.",
        _BEFORE_4,
    ),
    _column(
        "still_sides",
        pa.int8(),
        "sides, 0 to 4",
        "At how many of its four sides something stands still.",
        _BEFORE_4,
    ),
    _column(
        "still_margin",
        _REAL,
        "share, 0 to 2",
        "By how much the camera path holds more of picture and rim than the next best one that "
        "was tried and differs from it.",
        _BEFORE_4,
    ),
    _column(
        "near_duplicate_group",
        _TEXT,
        "name",
        "Name of a group of strips that show nearly the same, where whoever made the shard knows "
        "of one. 'tinyvideo dataset build' finds groups by near_duplicate_hash besides.",
        "it is in none, or nobody looked",
    ),
    _column(
        "near_duplicate_hash",
        pa.binary(),
        "48 bytes",
        "What copies of the strip have too: signs of the lowest frequencies of its mean (128 bits, "
        "and 128 that say which count) and of its standard deviation over time (64 and 64).",
        "it shows too little, or nobody looked: before schema version 6",
    ),
    _column(
        "scene_model",
        _TEXT,
        "name",
        "Which classifier has tagged the strip: places365-resnet18, imagenet-proxy, or "
        "tinyvideo-release, where the list of an import says so.",
        "none",
    ),
    _column(
        "scenes",
        pa.list_(_TAG),
        "names, shares",
        "The most probable scenes, best first, each with its probability, 0 to 1; empty without a "
        "scene_model.",
    ),
    _column("pipeline_version", _TEXT, "version", "Version of tinyvideo that made the strip."),
    _column(
        "config_hash",
        _TEXT,
        "name",
        "Name of all settings that decide on pixels: strips with the same one were made alike.",
    ),
)
"""In the order in which a shard has them."""


def described(field: pa.Field) -> Mapping[str, str]:
    """Say of a column its name, type, unit and meaning, as text for people."""
    kind = str(field.type).replace("element: ", "").replace("item: ", "").replace(" not null", "")
    metadata = field.metadata or {}
    return {
        "column": field.name,
        "type": kind,
        "unit": metadata.get(UNIT, b"").decode(),
        "meaning": metadata.get(MEANING, b"").decode(),
    }
