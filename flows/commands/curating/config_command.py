"""The command `tinyvideo config`: every threshold with today's value and a sentence, as a file.

Cost: 0.1 s of processor time, and what OpenCV takes to load.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from tinyvideo.flows.commands.output_options import Json
from tinyvideo.flows.commands.threshold_options import Config, Method, Size, curation_given
from tinyvideo.flows.terminal import write_json

if TYPE_CHECKING:
    from tinyvideo.pipeline.curation import CurationConfig

HEAD = """\
# What decides which pixels end up in a strip: for --config of `tinyvideo run`, `stabilize`,
# `render` and `shards repair`. A line that is left out means the default. "none" is no value at
# all. "Theirs" is what the paper of 2016 has, "ours" what we have found.
#
# As tinyvideo {version} has printed it, its name is {name}: config_hash in the rows of
# a shard.

"""


def config(
    file: Config = None,
    size: Size = None,
    method: Method = None,
    out: Annotated[
        str, typer.Option(help="Output, a folder or s3://BUCKET/PREFIX, whose thresholds to print.")
    ] = "",
    json: Json = False,
) -> None:
    """Print every threshold, with its value and a sentence, as a file for `--config`.

    Into a file: tinyvideo config > curation.toml. Then change what you like. A line that is left
    out means the default.

    Example: tinyvideo config --method paper
    """
    from tinyvideo.flows.settings import code_version, config_hash
    from tinyvideo.pipeline.thresholds import tables_of, write_toml

    if out and (file or size or method):
        raise typer.BadParameter(
            "these are read from the output: leave --config, --size and --method out",
            param_hint="--out",
        )
    found = _config_of(out) if out else curation_given(file, size, method)
    name = config_hash(found)
    if json:
        write_json({"config_hash": name, "config": tables_of(found)})
    else:
        typer.echo(HEAD.format(version=code_version(), name=name) + write_toml(found), nl=False)


def _config_of(out: str) -> "CurationConfig":
    from tinyvideo.flows.upkeep import remembered_config
    from tinyvideo.flows.which_output import output_at

    with output_at(out).open() as output:
        return remembered_config(output.catalog)
