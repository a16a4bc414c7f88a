"""The page says what the folder holds, whatever strangers called their videos."""

import base64
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.drawn.films import film, shaky_path, write_video
from tests.drawn.outputs import (
    EVIL_LICENSE,
    EVIL_TITLE,
    add_settled,
    add_sharded,
    draw_everything,
    strip_of,
    write_generated,
    write_metrics,
)
from tests.drawn.strip_rows import draw_jpeg, draw_record, draw_scenes, draw_strip, opened
from tinyvideo.flows.report.books_section import explain, headline, web_link
from tinyvideo.flows.report.charts import MAX_POINTS, Series, draw, thin, ticks
from tinyvideo.flows.report.inline_pictures import Gallery
from tinyvideo.flows.report.page import VIDEOS_PER_STATE, write_report
from tinyvideo.flows.report.shards_survey import survey_shards
from tinyvideo.pipeline.errors import FailCause, RejectReason
from tinyvideo.pipeline.thresholds import curation_of
from tinyvideo.pipeline.types import StabilizationFigures, VideoState
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.book_audit import read_books
from tinyvideo.storage.storage_errors import StorageError

FIRST_SHARD = "shards/shard-000001.parquet"


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and the text between them."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.words, self.sheets = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] in {"style", "script"} and data.strip():
            self.sheets.append((self.elements[-1][0], data))
        else:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag, **wanted):
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and all(attrs.get(key) == value for key, value in wanted.items())
        ]

    def films(self):
        return [a for a in self.all("div", role="img") if "film" in a["class"].split()]


def page_of(out):
    return Page(write_report(out).read_text())


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return page_of(draw_everything(tmp_path_factory.mktemp("everything")))


def figures(**changes):
    return replace(draw_strip().figures, **changes)


def test_without_a_catalog_there_is_no_page(tmp_path):
    with pytest.raises(StorageError, match="there is no catalog in"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_the_page_of_an_empty_folder_says_so(tmp_path):
    with opened(tmp_path):
        pass

    page = page_of(tmp_path)

    assert "No video has been found yet." in page.text
    assert page.films() == []
    assert [a["id"] for a in page.all("section")] == ["books", "videos"]


def test_the_books_are_on_the_page_with_every_reason_in_words(everything):
    # Two videos gave 1 + 4 strips and lost 2 windows each; a third one failed.
    text = everything.text
    assert "Of 3 videos, 2 gave 5 strips of 32 frames" in text
    assert "3 videos = 2 sharded + 0 rejected + 1 failed + 0 pending" in text
    assert "9 clips = 5 sharded + 4 rejected + 0 failed + 0 pending" in text
    assert "rejected: shot cut The window holds the border between two shots. 0 4" in text
    assert "failed: bug A mistake of ours: an exception nobody expected" in text
    assert "Dropped clips: 2 shot cut" in text
    assert not everything.all("div", role="alert")


@pytest.mark.parametrize("reasons", [RejectReason, FailCause])
def test_every_reason_is_explained(reasons):
    assert set(explain(reasons)) == {str(reason) for reason in reasons}
    assert all(meaning.endswith(".") for meaning in explain(reasons).values())


def test_numbers_have_the_right_words():
    one = {"found": 1, "sharded": 1, "rejected": {}, "failed": {}, "pending": 0}
    assert headline({"videos": one, "strips": 1}).startswith("Of 1 video, 1 gave 1 strip of 32")

    dropped = {"rejected": {"flat": 1, "too_short": 6}, "failed": {"crash": 1}, "pending": 2}
    many = headline({"videos": {"found": 2000, "sharded": 1990, **dropped}, "strips": 5000})
    assert many.startswith("Of 2,000 videos, 1,990 gave 5,000 strips of 32 frames")
    assert many.endswith("; 7 were rejected; 1 failed; 2 are still to do.")


def test_what_strangers_wrote_is_text_and_nothing_else(everything):
    assert EVIL_TITLE in everything.text
    assert EVIL_LICENSE in everything.text  # not evaluated as a template either
    assert len(everything.all("script")) == 1
    assert everything.all("img") == []
    assert not [a for _, attrs in everything.elements for a in attrs if a.startswith("on")]


def test_only_pages_of_the_web_become_links(everything):
    outside = [a["href"] for a in everything.all("a") if not a["href"].startswith("#")]
    assert outside == ["https://example.org/1?a=b&c=d"]


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://www.flickr.com/photos/1/2", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("JavaScript://example.org/%0Aalert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("//example.org", False),
        ("https:", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_web_link(address, link):
    assert web_link(address) == (address if link else "")


def test_the_policy_allows_the_page_itself_and_nothing_else(everything):
    (policy,) = [a["content"] for a in everything.all("meta") if "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def hashes(kind):
        digests = [hashlib.sha256(s.encode()).digest() for k, s in everything.sheets if k == kind]
        return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]

    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["script-src"].split() == hashes("script")
    assert rules["style-src"].split() == hashes("style")
    assert len(hashes("style")) == 2


def test_nothing_is_fetched(everything):
    loaded = [a[key] for _, a in everything.elements for key in ("src", "srcset") if key in a]
    assert loaded == []
    assert [a["href"] for a in everything.all("link")] == ["data:,"]
    styles = "".join(text for kind, text in everything.sheets if kind == "style")
    assert styles.count("url(") == styles.count('url("data:image/jpeg;base64,')
    assert "@import" not in styles


def test_a_shard_that_is_gone_is_told_in_red_on_a_whole_page(tmp_path):
    add_sharded(tmp_path, [(draw_record(0), [draw_strip()])])
    (tmp_path / FIRST_SHARD).unlink()

    page = page_of(tmp_path)

    assert page.all("div", role="alert")
    assert "The books do not balance" in page.text
    (problem,) = read_books(tmp_path)["problems"]
    assert page.text.count(problem) == 1  # the survey of the shards stumbles over it, too
    assert page.films() == []


def test_a_damaged_page_of_a_shard_is_told_in_red(tmp_path):
    add_sharded(tmp_path, [(draw_record(0), [draw_strip(i) for i in range(3)])])
    path = tmp_path / FIRST_SHARD
    content = bytearray(path.read_bytes())
    jpeg = draw_jpeg(0)
    content[content.index(jpeg) + len(jpeg) // 2] ^= 255
    path.write_bytes(content)

    page = page_of(tmp_path)

    assert "A shard is damaged" in page.text  # the books do not look at pixels
    assert "is damaged: " in page.text
    assert page.films() == []


def test_models_are_never_mixed_and_a_proxy_is_called_one(tmp_path):
    proxy = [draw_scenes("imagenet-proxy", **{"proxy:beach": p}) for p in (0.25, 0.5, 0.75)]
    places = [draw_scenes(beach=0.5), draw_scenes(**{"train_station/platform": 0.25})]
    strips = [draw_strip(index, scenes=s) for index, s in enumerate([*proxy, *places, None])]
    add_sharded(tmp_path, [(draw_record(0), strips)])

    text = page_of(tmp_path).text

    proxy_list = text.index("Scenes imagenet-proxy")
    places_list = text.index("Scenes places365-resnet18")
    assert proxy_list < places_list
    warning = "ImageNet proxy, not a Places tag."
    assert text.count(warning) == 1
    assert proxy_list < text.index(warning) < places_list
    assert "proxy: beach 3 0.5 " in text[proxy_list:places_list]  # (0.25 + 0.5 + 0.75) / 3
    assert " beach 1 0.5 " in text[places_list:]
    assert " train station, platform 1 0.25 " in text[places_list:]


def test_licenses_are_counted_in_strips(tmp_path):
    add_sharded(
        tmp_path,
        [
            (draw_record(0, license="CC BY 2.0"), [draw_strip(i) for i in range(3)]),
            (draw_record(1), [draw_strip(i) for i in range(2)]),
        ],
    )
    assert "license strips CC BY 2.0 3 unknown 2 " in page_of(tmp_path).text


def test_the_limits_on_the_page_are_those_of_the_output(tmp_path):
    out = draw_everything(tmp_path)
    assert "Below 50% a clip is dropped" in write_report(out).read_text()

    config = curation_of({"stabilize": {"min_visible": 0.55}})
    assert "Below 55% a clip is dropped" in write_report(out, config).read_text()


def test_strips_are_ranked_by_their_figures_and_none_is_both_best_and_worst(tmp_path):
    shares = [0.75, 1.0, 0.5]
    strips = [draw_strip(i, figures=figures(visible_share=share)) for i, share in enumerate(shares)]
    add_sharded(tmp_path, [(draw_record(0), strips)])

    text = page_of(tmp_path).text

    in_view = text[text.index("In view") : text.index("Agreement")]
    best, worst = in_view.split(" worst ")
    assert [best.index(f"{share:.0%} 0.mp4") for share in (1.0, 0.75)]
    assert best.index("100% 0.mp4 from 0:01.2") < best.index("75% 0.mp4 from 0:00.0")
    assert "50% 0.mp4 from 0:02.5" in worst
    assert worst.count("0.mp4") == 1


def test_equal_strips_are_shown_once(tmp_path):
    add_sharded(tmp_path, [(draw_record(0), [draw_strip(i) for i in range(9)])])

    text = page_of(tmp_path).text

    in_view = text[text.index("In view") : text.index("Agreement")]
    times = [word for word in in_view.split() if word.startswith("0:")]
    assert len(times) == len(set(times)) == 6


@pytest.mark.parametrize(
    ("column", "best", "worst"),
    [
        ("visible_share", 0.9, 0.5),
        ("inlier_ratio", 0.9, 0.5),
        ("reprojection_rmse_px", 0.5, 0.9),
        ("camera_motion_px", 0.5, 0.9),
    ],
)
def test_which_end_of_a_figure_is_the_good_one(tmp_path, column, best, worst):
    values = [0.7, 0.5, 0.6, 0.9, 0.8]
    strips = [draw_strip(i, figures=figures(**{column: v})) for i, v in enumerate(values)]
    add_sharded(tmp_path, [(draw_record(0), strips)])

    survey = survey_shards(FolderStore(tmp_path), [FIRST_SHARD])

    assert survey.best[column].ranked()[0].row[column] == pytest.approx(best)
    assert survey.worst[column].ranked()[0].row[column] == pytest.approx(worst)
    assert len(survey.best[column].ranked()) == 3


def test_clips_are_spread_over_videos_the_most_moved_first(tmp_path):
    moved = {1: [50, 40, 30, 20], 2: [5, 60], 3: [1]}
    add_sharded(
        tmp_path,
        [
            (
                draw_record(number),
                [
                    draw_strip(index, figures=figures(camera_motion_px=float(px)))
                    for index, px in enumerate(motions)
                ],
            )
            for number, motions in moved.items()
        ],
    )

    chosen = survey_shards(FolderStore(tmp_path), [FIRST_SHARD]).moved.ranked()

    # First every video's best, then every video's second best, and so on; six in all.
    assert [found.row["camera_motion_px"] for found in chosen] == [60, 50, 1, 40, 5, 30]


def test_a_clip_far_into_a_film_comes_last_and_is_not_decoded_again(tmp_path):
    starts = {0: 1000, 1: 999}
    strips = [draw_strip(index, start_frame=start) for index, start in starts.items()]
    add_sharded(tmp_path, [(draw_record(0), strips)])

    text = page_of(tmp_path).text

    late = "it begins at frame 1,000, which is too far into the film"
    assert text.index("No such file or directory") < text.index(late)
    assert "frame 999" not in text


def test_the_film_before_is_shown_where_it_still_exists(tmp_path):
    path = shaky_path(32, strength=6)
    frames = film(path)
    source = write_video(tmp_path / "film.mkv", frames, codec="ffv1")
    add_sharded(tmp_path / "out", [(draw_record(0, uri=source.as_uri()), [strip_of(frames, path)])])

    def pair():
        films = page_of(tmp_path / "out").films()
        return [a["aria-label"] for a in films if a["aria-label"].startswith("32 frames")]

    assert pair() == ["32 frames of 0.mp4, as filmed", "32 frames of 0.mp4, stabilized"]
    source.unlink()
    assert pair() == ["32 frames of 0.mp4, stabilized"]
    assert "The film is not decoded again." in page_of(tmp_path / "out").text
    assert "No such file or directory" in page_of(tmp_path / "out").text


def test_a_picture_that_is_shown_twice_is_stored_once():
    gallery = Gallery()

    first = gallery.strip(draw_jpeg(1), 25, "one")
    second = gallery.strip(draw_jpeg(1), 25, "the same again")
    other = gallery.strip(draw_jpeg(2), 32, "another, faster")

    assert first.classes == second.classes != other.classes
    assert gallery.css.count("url(") == 2
    assert "{animation-duration:1.280s}" in gallery.css  # 32 frames / 25 per second
    assert "{animation-duration:1.000s}" in gallery.css


@pytest.mark.parametrize("fps", [0, -25, float("nan"), float("inf"), 1e9])
def test_a_senseless_frame_rate_plays_at_the_usual_one(fps):
    gallery = Gallery()
    gallery.strip(draw_jpeg(1), fps, "one")
    assert "{animation-duration:1.280s}" in gallery.css


def test_training_curves_and_generated_clips_appear(everything):
    text = everything.text
    assert "demo 500 steps" in text
    # 500 steps are 125 buckets of 4; the first mean is 2 - 1.5 / 500, the last 1 + 2.5 / 500.
    assert "generator 2 → 1" in text
    assert "real 75% → 75% generated 100% → 100%" in text
    assert "The line is the mean of 4 steps" in text
    assert "after 300 steps" in text
    assert text.count("38% foreground") == 2  # 0.375 of it
    assert "train 61.5 s · generate 2.0 s" in text
    parts = [a["aria-label"] for a in everything.films() if "generated clip 1" in a["aria-label"]]
    assert [part.split(" of ")[0] for part in parts] == [
        "video",
        "mask",
        "foreground",
        "background",
    ]


def test_a_torn_last_line_of_metrics_is_left_out(tmp_path):
    with opened(tmp_path):
        path = write_metrics(tmp_path, "demo", 3)
    path.write_text(path.read_text()[:-20])

    assert "demo 2 steps" in page_of(tmp_path).text


def test_generated_clips_are_read_from_their_folder_only(tmp_path):
    with opened(tmp_path):
        write_generated(tmp_path, video="../catalog.db")

    page = page_of(tmp_path)

    assert "lies outside of" in page.text
    assert page.films() == []


def test_generated_clips_that_are_half_there_are_a_note(tmp_path):
    with opened(tmp_path):
        index = write_generated(tmp_path)
    (index.parent / "1-mask.jpg").unlink()
    (tmp_path / "demo.json").write_text("{")

    page = page_of(tmp_path)

    assert "the generated clips of" in page.text
    assert "demo.json cannot be read" in page.text
    assert not page.all("div", role="alert")  # the books are not touched by it


def test_videos_that_do_not_fit_are_counted(tmp_path):
    with opened(tmp_path) as (catalog, _):
        catalog.add(draw_record(number) for number in range(VIDEOS_PER_STATE + 7))
    add_settled(tmp_path, draw_record(999), VideoState.REJECTED, "flat", "black " * 99)

    page = page_of(tmp_path)

    assert "7 more videos are left out here" in page.text
    states = [a["class"] for a in page.all("span") if "badge" in a.get("class", "")]
    assert states == ["badge rejected"] + ["badge pending"] * VIDEOS_PER_STATE
    assert "black…" in page.text or "black …" in page.text or "blac…" in page.text


def test_an_older_page_is_replaced_and_nothing_else_is_left(tmp_path):
    with opened(tmp_path):
        (tmp_path / "report.html").write_text("old")

    assert write_report(tmp_path) == tmp_path / "report.html"

    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_page_needs_neither_torch_nor_prefect():
    loaded = "bool({'torch', 'prefect'} & set(sys.modules))"
    code = f"import sys, tinyvideo.flows.report.page; sys.exit({loaded})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("high", "expected"),
    [
        pytest.param(4, [0, 1, 2, 3, 4], id="whole"),
        pytest.param(1.39, [0, 0.5, 1.0, 1.5], id="just-above"),
        pytest.param(300, [0, 100, 200, 300], id="steps"),
        pytest.param(14, [0, 5, 10, 15], id="spike"),
        pytest.param(0, [0], id="nothing"),
    ],
)
def test_ticks_are_round_numbers(high, expected):
    assert ticks(0, high) == pytest.approx(expected)


def test_thinning_keeps_least_mean_and_largest():
    assert thin([1, 3, 5, 7, 9], 2) == [(1, 2, 3), (5, 6, 7), (9, 9, 9)]


def test_thousands_of_steps_become_few_points():
    steps = range(1, 65_001)
    chart = draw("loss", "", steps, [Series(label="g", values=[1.0] * 65_000)])

    assert chart.bucket == 434  # 65,000 / 150, rounded up
    assert chart.lines[0].path.count("L") < MAX_POINTS


def test_a_chart_puts_values_where_its_axes_say():
    chart = draw("x", "", [1, 2, 4], [Series(label="a", values=[0.0, 1.0, 0.5])], share=True)

    # The plot spans x 40 to 350 for steps 0 to 4, and y 190 to 12 for 0 to 100%.
    assert chart.lines[0].path == "M117.5 190L195 12L350 101"
    assert [(tick.at, tick.text) for tick in chart.y_ticks] == [
        (190.0, "0%"),
        (145.5, "25%"),
        (101.0, "50%"),
        (56.5, "75%"),
        (12.0, "100%"),
    ]
    assert chart.says == "x: a from 0% to 50%"


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_one_step_alone_makes_a_chart(value):
    chart = draw("x", "", [1], [Series(label="a", values=[value])])
    assert chart.lines[0].path.startswith("M350 ")


def test_json_of_the_demo_may_be_anything(tmp_path):
    with opened(tmp_path):
        (tmp_path / "demo.json").write_text(json.dumps([1, 2]))
    assert "demo.json cannot be read" in page_of(tmp_path).text


def test_an_imported_strip_of_which_nothing_is_known_is_on_a_whole_page(tmp_path):
    nan = float("nan")
    unknown = StabilizationFigures(
        inlier_ratio=nan,
        reprojection_rmse_px=nan,
        visible_share=nan,
        camera_motion_px=nan,
        camera_still=False,
        motion_model="unknown",
    )
    strip = draw_strip(4, start_frame=-1, start_s=nan, fps=nan, figures=unknown, scenes=None)
    record = draw_record(1, uri="tinyvideo:videos1/1/1.mp4", title="")
    add_sharded(tmp_path, [(record, [strip])])
    page = page_of(tmp_path)
    assert record.video_id in page.text
    assert "window 4" in page.text
    assert "nan" not in page.text.lower().split()
