"""Every command by name: where it lies, and the line that `tinyvideo --help` shows of it.

A command is imported when it is called, helped with or completed, and no other is then. So help
and completion cost what typer costs, and a command what it needs itself. A new command has a line
in `PANELS`; a test holds that line against the command's own text.

Cost: 0.2 s of processor time for `tinyvideo --help`, nearly all of it typer's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command lies, behind the door of its room, and what it does in a line."""

    room: str
    function: str
    line: str


CURATING, FINDING, TRACING = "curating", "finding", "tracing"
PACKAGING, LEARNING, OPERATING = "packaging", "learning", "operating"

# fmt: off
PANELS: Mapping[str, Mapping[str, Place]] = {
    "Start here": {
        "demo": Place("demo_command", "demo", "Take three real films all the way: strips, shards, a small model, a page. Start here."),  # noqa: E501
        "run": Place(CURATING, "run", "Turn videos, your own or found on Flickr, into shards of stabilized, tagged strips."),  # noqa: E501
        "status": Place(CURATING, "status", "Print the books of an output: what became of every video and every clip."),  # noqa: E501
        "report": Place(CURATING, "report", "Write report.html: books, scenes, strips before and after, training, generated clips."),  # noqa: E501
        "config": Place(CURATING, "config", "Print every threshold, with its value and a sentence, as a file for `--config`."),  # noqa: E501
    },
    "Single films": {
        "stabilize": Place(CURATING, "stabilize", "Stabilize single films: one folder each, with strips as JPEG and clips.json."),  # noqa: E501
        "render": Place(CURATING, "render", "Cut strips anew, at another size or crop, from stored homographies: no SIFT runs again."),  # noqa: E501
    },
    "Find videos": {
        "crawl": Place(FINDING, "crawl", "Find videos and enter them in the catalog; `run` fetches and stabilizes them later."),  # noqa: E501
        "plan": Place(FINDING, "plan", "Say what a search of Flickr would cost, from a small probe: calls, gigabytes, hours."),  # noqa: E501
        "words": Place(FINDING, "words", "Print the most frequent words of a language, one per line, for `crawl --words`."),  # noqa: E501
        "coverage": Place(FINDING, "coverage", "Say how much of every search is proven complete, and what it cost."),  # noqa: E501
        "budget": Place(FINDING, "budget", "Show how often Flickr's hosts are asked, and how long the rest will take at the least."),  # noqa: E501
        "chaos-demo": Place(FINDING, "chaos_demo", "Crawl an imitation of Flickr with all its vices, and print the books: no key, no network."),  # noqa: E501
    },
    "What became of them": {
        "explain": Place(TRACING, "explain", "Tell everything that happened to one video: attempts, windows, strips, shard, rights."),  # noqa: E501
        "failures": Place(TRACING, "failures", "List why videos failed or wait for another try, with what was really said."),  # noqa: E501
        "retry": Place(TRACING, "retry", "Have failed videos tried again by the next run; nothing that was rejected is."),  # noqa: E501
        "credits": Place(TRACING, "credits", "Write the attribution of every video in the shards: title, owner, license, page."),  # noqa: E501
        "recheck": Place(TRACING, "recheck", "Ask Flickr whether videos in the shards are there still, and under which license."),  # noqa: E501
        "block": Place(TRACING, "block", "Never fetch a video, or anything of an owner. What is in shards already: `takedown`."),  # noqa: E501
        "unblock": Place(TRACING, "unblock", "Take a video or an owner off the block list; what was rejected for it waits again."),  # noqa: E501
        "takedown": Place(TRACING, "takedown", "Take a video, or all of an owner, out of catalog, shards and datasets, and keep it out."),  # noqa: E501
    },
    "Shards and datasets": {
        "shards": Place(PACKAGING, "shards_app", "List, check and mend the shards of an output."),
        "catalog": Place(OPERATING, "catalog_app", "Make a lost catalog anew, take an output over, or back the catalog up."),  # noqa: E501
        "schema": Place(PACKAGING, "schema", "Print the columns of a shard: type, unit, what each says, and what null means there."),  # noqa: E501
        "dataset": Place(PACKAGING, "dataset_app", "Choose strips to train on, split by owner."),
        "rerender": Place(PACKAGING, "rerender", "Make a dataset at another size, of films that are kept and stored homographies."),  # noqa: E501
        "import": Place(PACKAGING, "import_released", "Turn the released dataset's tarballs into shards. Run it again: nothing is doubled."),  # noqa: E501
        "export": Place(PACKAGING, "export", "Write strips for the Hub, as WebDataset, as films, or in the released dataset's format."),  # noqa: E501
    },
    "Train and use": {
        "train": Place(LEARNING, "train", "Train a VGAN on a dataset, or go on where the last run was stopped or killed."),  # noqa: E501
        "generate": Place(LEARNING, "generate", "Make new clips: GIF, MP4 and strips, each beside its parts, and a page that shows them."),  # noqa: E501
        "predict": Place(LEARNING, "predict", "Show what may happen next in a still image, by a network trained with --condition."),  # noqa: E501
        "weights": Place(LEARNING, "weights_app", "Fetch the weights of the scene classifier."),
    },
    "Machines": {
        "up": Place(OPERATING, "up", "Start a Prefect server, pools, deployments and a worker on this machine; or what is missing."),  # noqa: E501
        "down": Place(OPERATING, "down", "End what `tinyvideo up` started here; runs that are under way go back into their queue."),  # noqa: E501
        "deploy": Place(OPERATING, "deploy", "Make pools, deployments and automations on the server at PREFECT_API_URL, and start nothing."),  # noqa: E501
        "worker": Place(OPERATING, "worker", "Do the flow runs of a pool, until stopped. The server is the one at PREFECT_API_URL."),  # noqa: E501
        "doctor": Place(OPERATING, "doctor", "Check disk, keys, bucket, server, pools and GPU, and say what to do."),  # noqa: E501
        "settings": Place(OPERATING, "settings", "Print all settings with their origin; secrets are masked."),  # noqa: E501
    },
}
# fmt: on
PLACES = {name: place for panel in PANELS.values() for name, place in panel.items()}


def load_command(name: str) -> "Command":
    """Import a command, or a group of them, whole: with its options and its text."""
    place = PLACES[name]
    found = getattr(import_module(f"tinyvideo.flows.commands.{place.room}"), place.function)
    if isinstance(found, typer.Typer):
        return _built(found)
    alone = typer.Typer(rich_markup_mode=None)
    alone.command(name)(found)
    return _built(alone)


def _built(app: typer.Typer) -> "Command":
    app._add_completion = False  # the root has it, for all
    app.info.cls = WholeLines
    return typer.main.get_command(app)


class WholeLines(TyperGroup):
    """A group whose help shows the first sentence of each command, and not as much as fits."""

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write names and sentences."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _line(each)) for name, each in self.commands.items()])


def _line(command: "Command") -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


class LazyGroup(TyperGroup):
    """The root of all commands: it knows their names, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, place in PLACES.items():
            self.add_command(TyperCommand(name, help=place.line))

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """Import the command that is called, or whose options are completed."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(command.name or ""), rest

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the names and lines, a section for each panel."""
        width = max(map(len, PLACES))
        for panel, places in PANELS.items():
            with formatter.section(panel):
                formatter.write_dl([(f"{name:<{width}}", p.line) for name, p in places.items()])
