"""The page of an output folder: one file that shows everything and fetches nothing.

    books       found = what became of it, and the videos one by one
    survey      one pass over the shards: counts, and which strips to show
    strips      before and after, best and worst
    scenes      scenes and licenses
    training    curves, generated clips
    charts      values -> SVG geometry
    pictures    JPEGs -> one style sheet
    templates/  HTML, CSS and the little JavaScript that is needed

The page is jinja2's; what goes into it is gathered here.

Titles, owners and reasons come from strangers. The template escapes all text, and the page's
own security policy allows just the two style sheets and the one script whose hashes it names:
nothing else runs, and nothing is fetched.

Cost: 2.5 s and 250 MB for the three films of the demo, which make a page of 3.2 MB; then 50 us for
every further strip, and no more memory.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tinyvideo.flows.report.books_section import (
    Account,
    Fate,
    Video,
    headline,
    list_accounts,
    list_fates,
    list_videos,
)
from tinyvideo.flows.report.inline_pictures import Gallery, csp_hash
from tinyvideo.flows.report.scenes_section import Count, SceneList, list_licenses, list_scenes
from tinyvideo.flows.report.shards_survey import Survey, survey_shards
from tinyvideo.flows.report.strips_section import Pair, Ranking, show_pairs, show_rankings
from tinyvideo.flows.report.training_section import (
    Generated,
    Training,
    show_generated,
    show_training,
)
from tinyvideo.flows.settings import code_version, read_settings
from tinyvideo.flows.terminal import printable
from tinyvideo.flows.workers import LimitedCalls, Limits
from tinyvideo.pipeline.curation import DEFAULT_CONFIG, CurationConfig
from tinyvideo.pipeline.outside_json import read_json
from tinyvideo.storage.catalog import list_outcomes
from tinyvideo.storage.outputs import OutputAddress, read_books

PAGE_NAME = "report.html"
VIDEOS_PER_STATE = 60
"""Videos of every state that are listed. Ours: six states then make at most 360 lines."""

PROBLEMS = 50
"""Sentences in the red box at most; the first ones say what is wrong."""

TOP_MAKERS = 3
"""Pairs of version and configuration that are named."""

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that the template shows."""

    out: str
    written: str
    version: str
    makers: list[tuple[str, str, int]]
    """Version of tinyvideo, configuration hash, and the strips they made."""

    headline: str
    books: dict[str, Any]
    accounts: list[Account]
    fates: list[Fate]
    problems: list[str]
    """What is wrong with the books or the shards."""

    notes: list[str]
    """What else could not be shown."""

    stages: dict[str, float]
    videos: list[Video]
    pairs: list[Pair]
    rankings: list[Ranking]
    scenes: list[SceneList]
    licenses: list[Count]
    training: list[Training]
    training_left_out: int
    generated: Generated | None


def write_report(out: OutputAddress | Path, config: CurationConfig = DEFAULT_CONFIG) -> Path:
    """Write `report.html` into the work folder of an output, whole or not at all.

    `config` is what its strips are made with.

    Raises:
        StorageError: there is no catalog, or the folder cannot be written.
    """
    place, gallery = OutputAddress.at(out), Gallery()
    report = collect(place, gallery, datetime.now(UTC), config)
    work = place.open_work()
    work.replace(PAGE_NAME, render(report, gallery).encode(errors="replace"))
    return work.path(PAGE_NAME)


def page_limits() -> Limits:
    """Read what decoding one clip or strip again may take."""
    settings = read_settings()
    return Limits(memory_mb=settings.memory_limit_mb, time_s=settings.window_limit_s)


def collect(
    out: OutputAddress | Path, gallery: Gallery, now: datetime, config: CurationConfig
) -> Report:
    """Gather what the page shows of an output; pictures go into `gallery`.

    Raises:
        StorageError: there is no catalog.
    """
    place = OutputAddress.at(out)
    store, work = place.open_store(), place.work
    books = read_books(place)
    survey = survey_shards(store, _committed(place))
    uris = _uris(place, survey)
    with LimitedCalls(page_limits()) as calls:
        pairs = show_pairs(store, survey, gallery, config.frames, uris=uris, calls=calls)
        rankings = show_rankings(store, survey, gallery, config, calls)
    notes: list[str] = []
    generated = show_generated(work, gallery, notes)
    training, training_left_out = show_training(work)
    stages = _stages(work, notes)
    return Report(
        out=place.address,
        written=f"{now:%Y-%m-%d %H:%M} UTC",
        version=code_version(),
        makers=[(*maker, count) for maker, count in survey.makers.most_common(TOP_MAKERS)],
        headline=headline(books),
        books=books,
        accounts=list_accounts(books),
        fates=list_fates(books),
        problems=[*dict.fromkeys([*books["problems"], *survey.problems])][:PROBLEMS],
        notes=notes,
        stages=stages,
        videos=list_videos(list_outcomes(place.catalog, VIDEOS_PER_STATE)),
        pairs=pairs,
        rankings=rankings,
        scenes=list_scenes(survey),
        licenses=list_licenses(survey.licenses),
        training=training,
        training_left_out=training_left_out,
        generated=generated,
    )


def render(report: Report, gallery: Gallery) -> str:
    """Fill the template."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = ((TEMPLATES / f"report.{kind}").read_text() for kind in ("css", "js"))
    pictures = gallery.css
    policy = (
        f"default-src 'none'; img-src data:; style-src {csp_hash(style)} {csp_hash(pictures)}; "
        f"script-src {csp_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("report.html.j2").render(
        report=report,
        policy=policy,
        style=style,
        pictures=pictures,
        script=script,
    )


def _committed(place: OutputAddress) -> list[str]:
    with place.open() as output:
        return [shard.key for shard in output.catalog.shards(committed=True)]


def _uris(place: OutputAddress, survey: Survey) -> dict[str, str]:
    # A shard says where a film lay to anybody; where it lies here, the catalog alone knows.
    chosen = {found.row["video_id"] for found in survey.moved.ranked()}
    with place.open() as output:
        return {record.video_id: record.uri for record in output.catalog.records([*chosen])}


def _stages(work: Path, notes: list[str]) -> dict[str, float]:
    note = work / "demo.json"
    if not note.exists():
        return {}
    try:
        return {str(k): float(v) for k, v in read_json(note)["seconds"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        notes.append(f"{note} cannot be read: {error!r}")
        return {}
