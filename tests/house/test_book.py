"""The book says what is true: its commands exist, its links lead somewhere, and it can be built."""

import ast
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
import typer

from tinyvideo.flows.cli import app
from tinyvideo.models.train_config import RECIPES
from tinyvideo.pipeline.errors import FailCause, RejectReason

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
EXAMPLES = REPOSITORY / "examples"
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
FLOORS = ("pipeline", "storage", "models", "flows")

FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(tinyvideo [^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
ELSEWHERE = ("https://", "http://", "mailto:", "#")
LEAST_PIECE = 6
"""Characters that a piece of a sentence must have to be looked for."""


def page_id(path):
    return str(path.relative_to(REPOSITORY))


def commands_of(line):
    """Yield the words after each `tinyvideo` of a shell line, to the end of that command."""
    try:
        words = shlex.split(line.removeprefix("$ "), comments=True)
    except ValueError:  # prose or output with an apostrophe
        return
    while words and re.fullmatch(r"[A-Z_0-9]+=.*", words[0]):
        words = words[1:]
    if words and words[0] in {"torchrun", "docker"} and "tinyvideo" in words:
        words = words[words.index("tinyvideo") :]
    if words and words[0] == "tinyvideo":
        end = next((at for at, word in enumerate(words) if word in {">", "|", "&&"}), len(words))
        yield words[1:end]


def commands_on(page):
    text = page.read_text()
    fenced = [
        line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").split("\n")
    ]
    inline = INLINE.findall(FENCE.sub("", text))
    return [(line, words) for line in (*fenced, *inline) for words in commands_of(line)]


@cache
def all_commands():
    return typer.main.get_command(app)


def problem_of(words, *, whole):
    """Say what is wrong with a command; `whole`: nothing that it needs is left out."""
    command, words = all_commands(), [word for word in words if word != "..."]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        context, name = typer.Context(command), words[0]
        if name not in command.list_commands(context):
            return "" if name == "COMMAND" else f"there is no command {name!r}"
        _, command, words = command.resolve_command(context, words)
    options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts)}
    try:
        given = arguments_among(words, {**options, "--help": None}, whole=whole)
    except ValueError as error:
        return str(error)
    taken = [p for p in command.params if p.param_type_name == "argument"]
    if given > len(taken) and all(p.nargs == 1 for p in taken):
        return f"there are {given} arguments, it takes {len(taken)}"
    missing = whole and given < sum(p.required for p in taken)
    return "an argument is missing" if missing else ""


def arguments_among(words, options, *, whole):
    """Count the words that are neither options nor their values; ValueError says what is wrong."""
    given = 0
    while words:
        word, *words = words
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            given += 1
            continue
        if name not in options:
            raise ValueError(f"there is no option {name!r}")
        if options[name] is None or options[name].is_flag:
            continue
        if not equals:
            if not words:
                raise ValueError(f"{name} wants a value" if whole else "")
            value, *words = words
        check_choice(name, value, options[name].type_descriptor.annotation)
    return given


def check_choice(name, value, kind):
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    if choices and value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}, not {value}")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_of_the_book_exists(page):
    text = page.read_text()
    shown = [line for block in FENCE.findall(text) for line in block.split("\n")]
    found = [
        f"{line.strip()}: {problem}"
        for line, words in commands_on(page)
        if (problem := problem_of(words, whole=line in shown))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("tinyvideo status --out mine", ""),
        ("$ TINYVIDEO_WORKERS=2 tinyvideo dataset build beaches --out mine  # a comment", ""),
        ("torchrun --nproc-per-node 4 --no-python tinyvideo train beaches --out mine", ""),
        ("tinyvideo words --count 5 > words.txt", ""),
        ("tinyvideo statsu", "there is no command 'statsu'"),
        ("tinyvideo dataset bild beaches", "there is no command 'bild'"),
        ("tinyvideo status --oot mine", "there is no option '--oot'"),
        ("tinyvideo run --engine=tree", "--engine is one of process, dask, ray, not tree"),
        ("tinyvideo status mine", "there are 1 arguments, it takes 0"),
        ("tinyvideo shards show --out mine", "an argument is missing"),
        ("tinyvideo status --out", "--out wants a value"),
    ],
)
def test_a_wrong_command_is_found(line, problem):
    [words] = commands_of(line)
    assert problem_of(words, whole=True) == problem


def test_the_book_shows_every_command():
    shown = {words[0] for page in PAGES for _, words in commands_on(page) if words}
    group = all_commands()
    assert set(group.list_commands(typer.Context(group))) - shown == set()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_somewhere(page):
    links = LINK.findall(FENCE.sub("", page.read_text()))
    files = [link.partition("#")[0] for link in links if not link.startswith(ELSEWHERE)]
    assert [file for file in files if not (page.parent / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_path_of_the_code_exists(page):
    text = FENCE.sub("", page.read_text())
    paths = re.findall(rf"`((?:{'|'.join((*FLOORS, 'tests', 'benchmarks'))})/[\w/]+\.\w+)`", text)
    assert [p for p in paths if not (REPOSITORY / p).exists() and "NAME" not in p] == []


@cache
def sentences_of_the_code():
    """All texts of the code, adjacent ones joined; where a value is put in stands a NUL."""
    found = []
    for floor in FLOORS:
        for path in sorted((REPOSITORY / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return found


def quoted_sentences():
    text = (DOCS / "troubleshooting.md").read_text()
    return [line.removeprefix("> ") for line in text.split("\n") if line.startswith("> ")]


@pytest.mark.parametrize("sentence", quoted_sentences())
def test_an_error_of_the_book_is_one_that_the_code_says(sentence):
    pieces = [piece.strip(" ;:.,=") for piece in sentence.split("…")]
    pieces = [piece for piece in pieces if len(piece) >= LEAST_PIECE]
    assert pieces
    assert any(all(piece in said for piece in pieces) for said in sentences_of_the_code())


def test_the_book_has_every_reason_and_every_cause():
    text = (DOCS / "concepts" / "books.md").read_text()
    missing = [str(word) for word in (*RejectReason, *FailCause) if f"`{word}`" not in text]
    assert not missing, f"docs/concepts/books.md has no line for {', '.join(missing)}"


def test_the_guide_has_every_recipe():
    text = (DOCS / "guides" / "training.md").read_text()
    missing = [recipe for recipe in RECIPES if f"`{recipe}`" not in text]
    assert not missing, f"docs/guides/training.md has no word of {', '.join(missing)}"


def test_the_picture_of_the_way_shows_rooms_that_are_there():
    rooms = re.findall(r">\d+\. (\w+)<", (DOCS / "design" / "way.svg").read_text())
    assert len(rooms) == len(set(rooms)) > 20
    behind = {p.stem for f in FLOORS for p in (REPOSITORY / f).iterdir() if p.suffix != ".pyc"}
    assert set(rooms) - behind == set()


def test_the_readme_is_short_and_names_every_room():
    text = (REPOSITORY / "README.md").read_text()
    assert text.count("\n") <= 150
    rooms = {path.parent.name for f in FLOORS for path in (REPOSITORY / f).glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if f"  {room}/" not in text] == []


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="there are no examples yet")
def test_every_example_has_a_page_and_every_page_an_example():
    files = {path.stem for path in EXAMPLES.glob("*.py") if path.stem != "__init__"}
    shown = {path.stem for path in (DOCS / "examples").glob("*.md")} - {"index"}
    assert files == shown


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=REPOSITORY, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_the_book_can_be_built_and_fetches_nothing(site):
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    loaded = re.compile(
        r"""<(?:script|link|img|iframe|source)[^>]*(?:src|href)=["']?https?:[^>]*"""
        r"""|url\(["']?https?:[^)]*|@import[^;]*https?:[^;]*"""
    )
    assert [found for page in pages for found in loaded.findall(page.read_text())] == []


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("reference/command-line.html", "tinyvideo takedown"),
        ("reference/settings.html", "TINYVIDEO_BATCH_VIDEOS"),
        ("reference/thresholds.html", "min_visible"),
        ("reference/schema.html", "residual_motion_px"),
        ("design/house.html", "crawl_and_stabilize  the flow from a source to committed shards"),
        ("design/results.html", "The stabilizer: drift and speed"),
        ("reference/api.html", "public video in, training data for video generation out"),
    ],
)
def test_what_is_made_from_the_code_is_in_the_book(site, page, says):
    assert says in (site / page).read_text()
