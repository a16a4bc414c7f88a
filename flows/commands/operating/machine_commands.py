"""The commands `tinyvideo up`, `down`, `deploy`, `worker`, `doctor`, `settings`, as they are typed.

Cost: none before they run.
"""

from pathlib import Path
from typing import Annotated

import typer

from tinyvideo.flows.commands.output_options import Json
from tinyvideo.flows.terminal import write_json

Folder = Annotated[
    Path | None,
    typer.Option(help="Folder with videos for crawls that are told no other.", file_okay=False),
]
Out = Annotated[
    str, typer.Option(help="Output of the same crawls: a folder, or s3://BUCKET/PREFIX.")
]


def up(
    folder: Folder = None,
    out: Out = "",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the server.")] = 4200,
    pool: Annotated[
        list[str] | None,
        typer.Option(help="Pool to work for, cpu or gpu; may be given twice. Default: what fits."),
    ] = None,
    json: Json = False,
) -> None:
    """Start a Prefect server, pools, deployments and a worker on this machine; or what is missing.

    Then: prefect deployment run crawl-and-stabilize/crawl-and-stabilize

    Example: tinyvideo up --folder beaches --out strips
    """
    from tinyvideo.flows.commands.operating.up_and_down import bring_up

    started = bring_up(folder, out, port, pool or ())
    if json:
        write_json(started)


def down(json: Json = False) -> None:
    """End what `tinyvideo up` started here; runs that are under way go back into their queue.

    Example: tinyvideo down
    """
    from tinyvideo.flows.commands.operating.up_and_down import end_all

    ended = end_all()
    if json:
        write_json({"ended": ended})


def deploy(
    folder: Folder = None,
    out: Out = "",
    schedule: Annotated[
        str, typer.Option(help="Crawl at these times too: a cron, as '0 3 * * *'.")
    ] = "",
    timezone: Annotated[str, typer.Option(help="Time zone of the schedule.")] = "UTC",
    tag: Annotated[
        list[str] | None,
        typer.Option(help="The scheduled crawl searches Flickr for a tag; of several, any."),
    ] = None,
    text: Annotated[str, typer.Option(help="The scheduled crawl searches Flickr for words.")] = "",
    json: Json = False,
) -> None:
    """Make pools, deployments and automations on the server at PREFECT_API_URL, and start nothing.

    For servers and workers that something else starts, as in docker-compose.yml. Schedules,
    limits, pauses and tags that are there stay.

    Example: tinyvideo deploy --schedule '0 3 * * *' --tag beach
    """
    from tinyvideo.flows.commands.operating.crawl_schedules import schedule_of
    from tinyvideo.flows.commands.operating.up_and_down import deploy_here

    times = schedule_of(schedule, timezone, tag or (), text)
    made = deploy_here(folder, out, times)
    if json:
        write_json(made)


def worker(
    pool: Annotated[str, typer.Argument(help="cpu, or gpu on a machine that trains.")] = "cpu",
    name: Annotated[str, typer.Option(help="How Prefect's page calls it; default: HOST.")] = "",
    json: Json = False,
) -> None:
    """Do the flow runs of a pool, until stopped. The server is the one at PREFECT_API_URL.

    Example: tinyvideo worker cpu
    """
    from tinyvideo.flows.machine import work_for

    code, put_back = work_for(pool, name)
    if json:
        write_json({"pool": pool, "put_back": put_back})
    raise typer.Exit(code)


def doctor(
    worker: Annotated[
        bool, typer.Option("--worker", help="Check only what a running worker needs.")
    ] = False,
    json: Json = False,
) -> None:
    """Check disk, keys, bucket, server, pools and GPU, and say what to do.

    Example: tinyvideo doctor
    """
    from tinyvideo.flows.commands.operating.machine_check import check_machine

    check_machine(only_worker=worker, json=json)


def settings(json: Json = False) -> None:
    """Print all settings with their origin; secrets are masked.

    Example: tinyvideo settings
    """
    from tinyvideo.flows.commands.operating.show_settings import show_settings

    show_settings(json=json)
