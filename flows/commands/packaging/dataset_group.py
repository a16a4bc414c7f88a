"""The commands `tinyvideo dataset build|ls|show|verify`.

Cost: that of `storage.datasets.dataset_draft` and `storage.datasets.dataset_survey`; no server is
started.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, Out
from tinyvideo.flows.terminal import (
    ExitCode,
    Position,
    end_with,
    progress,
    say,
    show_facts,
    with_option,
    write_json,
)

if TYPE_CHECKING:
    from tinyvideo.storage.datasets import DatasetConfig, Manifest

dataset_app = typer.Typer(
    name="dataset",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Choose strips to train on, split by owner.\n\n"
    "Example: tinyvideo dataset build beaches --preset beach --out strips",
)

Name = Annotated[str, typer.Argument(help="Name of the dataset.", show_default=False)]
Revision = Annotated[int | None, typer.Option(help="Revision; default: the latest.", min=1)]


@dataset_app.command()
def build(
    name: Name,
    out: Out = "",
    preset: Annotated[
        str, typer.Option(help="beach, golf, train_station, hospital or unfiltered.")
    ] = "",
    scene: Annotated[
        list[str] | None, typer.Option(help="Scene to show; may be given more than once.")
    ] = None,
    min_probability: Annotated[
        float | None, typer.Option(help="Least probability of the scene, 0 to 1.")
    ] = None,
    scene_model: Annotated[str, typer.Option(help="Take only tags of this classifier.")] = "",
    min_motion: Annotated[
        float | None, typer.Option(help="Least share of the picture that moves, 0 to 1.")
    ] = None,
    max_flicker: Annotated[
        float | None, typer.Option(help="Most flicker of what stands still, 0 to 255.")
    ] = None,
    min_visible: Annotated[
        float | None, typer.Option(help="Least share of the strip that each frame shows, 0 to 1.")
    ] = None,
    max_filled: Annotated[
        float | None, typer.Option(help="Most of the strip that was filled in, 0 to 1.")
    ] = None,
    max_jitter: Annotated[
        float | None, typer.Option(help="Most tremble that is left, strip pixels.")
    ] = None,
    min_inliers: Annotated[
        float | None, typer.Option(help="Least share of matches that agree, 0 to 1.")
    ] = None,
    fps: Annotated[
        str, typer.Option(help="Least and most frames per second, LOW:HIGH; 10:35 takes all.")
    ] = "20:35",
    min_still: Annotated[
        float | None, typer.Option(help="Least share of the texture that stands still, 0 to 1.")
    ] = None,
    min_still_rim: Annotated[
        float | None, typer.Option(help="Least such share at the rim of the picture, 0 to 1.")
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="Motion model to leave out, as parallax; may be given more than once."),
    ] = None,
    license: Annotated[
        list[str] | None, typer.Option(help="License to take; may be given more than once.")
    ] = None,
    max_per_owner: Annotated[
        int, typer.Option(help="Most strips of one owner; 0: no limit.", min=0)
    ] = 0,
    balance: Annotated[
        str, typer.Option(help="owner: nobody has more strips than the median owner.")
    ] = "",
    near_duplicates: Annotated[
        bool, typer.Option(help="Look by hash for strips that show nearly the same.")
    ] = True,
    one_per_group: Annotated[
        bool, typer.Option("--one-per-group", help="Take one strip of each group of those.")
    ] = False,
    same_stem: Annotated[
        bool,
        typer.Option(help="Films of a folder or bucket named alike but for the ending are one."),
    ] = True,
    seed: Annotated[int, typer.Option(help="Which strips stay under a limit.", min=0)] = 0,
    validation: Annotated[float, typer.Option(help="Share of owners to validate on.")] = 0.05,
    test: Annotated[float, typer.Option(help="Share of owners to test on.")] = 0.05,
    json: Json = False,
) -> None:
    """Choose strips for training, validation and test, as a new revision of a dataset.

    No owner, and no group of near duplicates, is in two splits. With nothing new, nothing is made.

    Example: tinyvideo dataset build beaches --preset beach --out strips
    """
    config = _config(
        preset,
        scene,
        min_probability,
        {
            "scene_model": scene_model,
            "min_motion": min_motion,
            "max_flicker": max_flicker,
            "min_visible": min_visible,
            "max_filled": max_filled,
            "max_jitter": max_jitter,
            "min_inliers": min_inliers,
            "min_still": min_still,
            "min_still_rim": min_still_rim,
            "leave_out": tuple(leave_out or ()),
            "fps": fps,
            "licenses": tuple(license or ()),
            "max_per_owner": max_per_owner,
            "balance": balance,
            "near_duplicates": near_duplicates,
            "one_per_group": one_per_group,
            "same_stem": same_stem,
            "seed": seed,
            "validation": validation,
            "test": test,
        },
    )
    manifest = build_with_progress(out, name, config)
    _show(manifest)
    if json:
        write_json(facts_of(manifest))


@dataset_app.command("ls")
def list_all(out: Out = "", json: Json = False) -> None:
    """List datasets and their latest revisions.

    Example: tinyvideo dataset ls --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.datasets import list_datasets, read_manifest

    store = output_at(out).open_store()
    found = [facts_of(read_manifest(store, name)) for name in list_datasets(store)]
    if json:
        write_json(found)
    for facts in found:
        say(f"{facts['name']}  revision {facts['revision']}  {_strips(facts)}")
    if not found:
        say(f"there is no dataset in {store.address}; make one with 'tinyvideo dataset build'")


@dataset_app.command()
def show(name: Name, out: Out = "", revision: Revision = None, json: Json = False) -> None:
    """Show what a dataset holds, how it was chosen, and its revisions.

    Example: tinyvideo dataset show beaches --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.datasets import list_revisions, read_manifest

    store = output_at(out).open_store()
    manifest = read_manifest(store, name, revision)
    _show(manifest)
    revisions = list_revisions(store, name)
    say(f"revisions: {', '.join(map(str, revisions))}")
    if json:
        write_json({**facts_of(manifest), "shards": manifest.shards, "revisions": revisions})


@dataset_app.command()
def verify(
    name: Name,
    out: Out = "",
    revision: Revision = None,
    full: Annotated[bool, typer.Option("--full", help="Read and hash whole shards.")] = False,
    json: Json = False,
) -> None:
    """Hold a dataset against its shards, and look for owners in more than one split.

    Example: tinyvideo dataset verify beaches --full --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.datasets import find_problems, read_manifest

    store = output_at(out).open_store()
    manifest = read_manifest(store, name, revision)
    problems = find_problems(store, manifest, full=full)
    for problem in problems:
        say(problem)
    if not problems:
        seen = "every byte was read" if full else "footers were read; --full reads every byte"
        say(f"dataset {name} revision {manifest.revision} is whole: {seen}; no splits share owners")
    if json:
        write_json({"name": name, "revision": manifest.revision, "problems": problems})
    if problems:
        end_with(ExitCode.FAILED, f"dataset {name} has {len(problems)} problems")


def build_with_progress(out: str, name: str, config: "DatasetConfig") -> "Manifest":
    """Choose strips of all committed shards, behind a progress bar, as a new revision of `name`.

    Raises:
        StorageError: there is no shard, no strip fits, or a takedown is not finished.
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.datasets import build_committed
    from tinyvideo.storage.exchange import write_output_card

    position = Position(0, None)

    def count(done: int, total: int) -> None:
        nonlocal position
        position = Position(done, total)

    with progress("shards", lambda: position), output_at(out).open() as output:
        manifest = build_committed(output, name, config, count)
        write_output_card(output)
    return manifest


def facts_of(manifest: "Manifest") -> dict[str, Any]:
    """Lay out what is worth knowing of a dataset, for JSON."""
    facts = asdict(manifest)
    facts["shards"] = len(manifest.shards)
    del facts["shard_sha256"]
    return facts


def _config(
    preset: str, scene: list[str] | None, min_probability: float | None, rest: dict[str, Any]
) -> "DatasetConfig":
    from tinyvideo.storage.datasets import PRESETS, DatasetConfig

    if preset and (scene or preset not in PRESETS):
        raise typer.BadParameter(
            f"choose one of {', '.join(PRESETS)}, and no --scene beside it",
            param_hint="--preset",
        )
    given = PRESETS[preset or "unfiltered"]
    least = given.min_probability if min_probability is None else min_probability
    scenes = tuple(scene or given.scenes)
    if least and not scenes:
        raise typer.BadParameter("say of which --scene", param_hint="--min-probability")
    try:
        rates = _rates(rest.pop("fps"))
        return DatasetConfig(scenes=scenes, min_probability=least, fps=rates, **rest)
    except ValueError as error:
        raise typer.BadParameter(with_option(error)) from error


def _rates(text: str) -> tuple[float, float]:
    try:
        low, high = (float(rate) for rate in text.split(":"))
    except ValueError:
        raise ValueError(f"fps must be LOW:HIGH, as 10:35, got {text!r}") from None
    return low, high


def _show(manifest: "Manifest") -> None:
    facts = facts_of(manifest)
    asked = {key: value for key, value in manifest.query.items() if value not in (None, "", [], 0)}
    if rates := asked.get("fps"):
        asked["fps"] = ":".join(f"{rate:g}" for rate in rates)
    models = ", ".join(f"{n or 'nobody'} ({c})" for n, c in manifest.scene_models.items())
    show_facts(
        f"dataset {manifest.name}, revision {manifest.revision}",
        {
            **{split: _split(manifest, split) for split in manifest.counts},
            "shards": facts["shards"],
            "tagged by": models,
            "query": ", ".join(f"{key}={value}" for key, value in asked.items()) or "everything",
            "made by": f"tinyvideo {manifest.code_version}",
            "manifest": manifest.manifest_id,
        },
    )


def _split(manifest: "Manifest", split: str) -> str:
    strips, owners = manifest.counts[split], manifest.owners[split]
    return f"{strips} strips of {owners} owners" if strips else "nobody: there are too few owners"


def _strips(facts: dict[str, Any]) -> str:
    return ", ".join(f"{count} {split}" for split, count in facts["counts"].items())
