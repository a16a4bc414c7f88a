"""What `tinyvideo up` and `down` do: all of Prefect on one machine, without Docker.

    server        on a loopback port, with a password; its database in the state folder
    pools, queues, deployments, automations     made or renewed
    workers       one for the pool `cpu`, and one for `gpu` where there is a GPU

With PREFECT_API_URL set, `up` starts no server but uses that one: so further machines join.
`up` may be called at any time, and starts what is not there. Each process holds a lock on a file
of the state folder as long as it lives: so `down` ends exactly what `up` started, and never a
stranger who got a dead process's number.

Cost: 27 s for a first start on a busy machine, 20 of them the server's, beside which the flows are
imported; 2 s when all is there.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tinyvideo.flows.commands.operating.crawl_schedules import set_schedule
from tinyvideo.flows.machine import (
    CPU,
    DEPLOYMENTS,
    ENVIRONMENT,
    GPU,
    POOLS,
    automate,
    deploy_all,
    load_flows,
    make_pools,
    prepare_environment,
)
from tinyvideo.flows.server import (
    PASSWORD_FILE,
    SERVER,
    Processes,
    ServerError,
    answers,
    is_free,
    keep_password,
    log_in_link,
    password_for,
    read_password,
    require_server,
    server_environment,
    state_folder,
)
from tinyvideo.flows.settings import Settings, read_settings
from tinyvideo.flows.terminal import at_quick_end, say, show_facts, waiting

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

    from tinyvideo.flows.commands.operating.crawl_schedules import CrawlSchedule

PORT = 4200
"""Prefect's own, at which its command line looks."""

SERVER_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_API_URL": "/api",  # right from every address the page is opened at
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",  # or the database grows
    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",  # SQLite: how long a writer waits for another
    "DO_NOT_TRACK": "1",
}
"""What a server is told, where the environment says nothing else."""


def bring_up(folder: Path | None, out: str, port: int, pool: Sequence[str]) -> dict[str, Any]:
    """Start what is not up yet; return where it is.

    Raises:
        BadParameter: there is no such pool.
        ServerError: the port is taken, or a server does not start, answer or let us in.
        ValidationError: `folder` or `out` can be none.
    """
    settings = read_settings()
    pools = list(pool) or ([CPU, GPU] if has_gpu() else [CPU])
    for name in pools:
        if name not in POOLS:
            raise typer.BadParameter(f"{name!r} is no pool of ours: {' or '.join(POOLS)}")
    processes = Processes(state_folder(settings))
    with processes.alone(), _all_or_nothing(processes):
        # What takes seconds to start is started first, and the imports are done meanwhile.
        url, password = start_server(processes, settings, port)
        prepare_environment(url, password)
        told, unsaid = crawl_defaults(settings, folder, out)
        load_flows()
        wait_for_server(processes, url, password)
        with waiting("Prefect", "pools and deployments"):
            _register(make_pools, partial(deploy_all, parameters=told, otherwise=unsaid), automate)
            # After the deployments: a worker of another version than theirs would leave.
            started = [name for name in pools if start_worker(processes, name)]
        for name in started:
            wait_for_worker(processes, name)
    show_facts(
        "all is up",
        {
            **_ways_in(processes, url, password),
            # In this form it works in every folder, without a plugin.
            "run": "prefect deployment run crawl-and-stabilize/crawl-and-stabilize",
            "first": _exports(url, processes.folder / PASSWORD_FILE),
            "logs": processes.folder,
            "end": "tinyvideo down",
        },
    )
    return {"url": url, "pools": pools, "started": started, "logs": str(processes.folder)}


def _ways_in(processes: Processes, url: str, password: str) -> dict[str, str]:
    page = url.removesuffix("/api")
    if processes.read_note(SERVER) is None:  # somebody else's, of which we know nothing more
        return {"page": page}
    return {
        "page": log_in_link(page, password),
        "opens": f"once; later {page} asks for what is in {processes.folder / PASSWORD_FILE}",
    }


def _exports(url: str, password: Path) -> str:
    """Say what a shell has to know in whatever folder it is."""
    told = f"export PREFECT_API_URL={url}"
    return f'{told} PREFECT_API_AUTH_STRING="$(cat {password})"' if password.exists() else told


@contextmanager
def _all_or_nothing(processes: Processes) -> Iterator[None]:
    """End what was started in the block when this process is asked to end in it."""
    before = set(processes.running())

    def ask_all() -> None:
        for name in set(processes.running()) - before:
            processes.ask(name)

    at_quick_end.append(ask_all)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        _end(processes, set(processes.running()) - before)
        raise
    finally:
        at_quick_end.remove(ask_all)


def _end(processes: Processes, names: Iterable[str]) -> list[str]:
    ordered = sorted(names, key=lambda name: name == SERVER)  # which comes last
    for name in ordered:
        with waiting(name, "ends"):
            processes.end(name)
    return ordered


def deploy_here(
    folder: Path | None, out: str, schedule: "CrawlSchedule | None" = None
) -> dict[str, Any]:
    """Make pools, deployments and automations on the server at PREFECT_API_URL; name them.

    Raises:
        ServerError: no server is set, or it does not answer or let us in.
    """
    settings = read_settings()
    if settings.prefect_api_url is None:
        raise ServerError("say where the Prefect server is: PREFECT_API_URL=http://HOST:4200/api")
    url, password = settings.prefect_api_url, password_for(settings)
    require_server(url, password, otherwise="start it, or use 'tinyvideo up'")
    prepare_environment(url, password)
    times = [] if schedule is None else [partial(set_schedule, schedule=schedule)]
    told = _parameters(folder, _whole(out))
    _register(make_pools, partial(deploy_all, parameters=told), automate, *times)
    say(f"pools, deployments and automations are at {url.removesuffix('/api')}")
    if schedule is not None:
        say(f"schedule {schedule.slug}: {schedule.cron}, {schedule.timezone}")
    return {
        "url": url,
        "pools": list(POOLS),
        "deployments": [each.name for each in DEPLOYMENTS],
        "schedule": schedule and schedule.slug,
    }


def end_all() -> list[str]:
    """End what `tinyvideo up` started here, the server last; return the names."""
    processes = Processes(state_folder(read_settings()))
    with processes.alone():
        names = _end(processes, processes.running())
    say(f"ended {', '.join(names)}" if names else "nothing was up")
    return names


def has_gpu() -> bool:
    """Tell whether this machine has an NVIDIA GPU, without loading torch."""
    return Path("/dev/nvidia0").exists()


def start_server(processes: Processes, settings: Settings, port: int) -> tuple[str, str]:
    """Name a server: another's, the one that is up, or a new one; return its URL and password.

    Raises:
        ServerError: the port is taken, or another's server does not answer or let us in.
    """
    if settings.prefect_api_url is not None:
        otherwise = "start it, or unset PREFECT_API_URL to have one here"
        password = password_for(settings)
        require_server(settings.prefect_api_url, password, otherwise=otherwise)
        return settings.prefect_api_url, password
    if (known := processes.read_note(SERVER)) is not None:
        return str(known["url"]), settings.prefect_password or read_password(processes.folder)
    url = f"http://127.0.0.1:{port}/api"
    _require_free(port, url)
    given = settings.prefect_password or settings.server_password
    password = keep_password(processes.folder, given)
    environment = {**SERVER_ENVIRONMENT, **server_environment(port, password), **_without_url()}
    environment |= {
        "PREFECT_HOME": str(processes.folder / "prefect"),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_AUTH_STRING": password,
    }
    command = [sys.executable, "-P", "-m", "tinyvideo.flows.server.locked_server"]
    processes.start(SERVER, command, environment, {"url": url})
    return url, password


def wait_for_server(processes: Processes, url: str, password: str) -> None:
    """Wait until a server that was just started answers, and see that it lets us in.

    Raises:
        ServerError: it does not start, or does not let us in.
    """
    if processes.read_note(SERVER) is not None:
        with waiting(SERVER, "Prefect starts"):
            processes.wait_for(SERVER, lambda: answers(url))
    require_server(url, password, otherwise=f"see {processes.log(SERVER)}")


def start_worker(processes: Processes, pool: str) -> bool:
    """Start a worker for a pool, unless one is there; return whether one was started."""
    name = _worker_of(pool)
    if processes.read_note(name) is not None:
        return False
    # Unimportant to the locks of its runs, whose own folder it is.
    environment = {**ENVIRONMENT, **os.environ, "PREFECT_HOME": str(processes.folder / name)}
    command = [sys.executable, "-P", "-m", "tinyvideo.flows.cli", "worker", pool]
    processes.start(name, command, environment, {})
    return True


def wait_for_worker(processes: Processes, pool: str) -> None:
    """Wait until the worker of a pool takes runs.

    Raises:
        ServerError: it does not start.
    """
    name = _worker_of(pool)
    log = processes.log(name)
    with waiting(name, "starts"):
        processes.wait_for(name, lambda: "started!" in log.read_text(errors="replace"))


def crawl_defaults(
    settings: Settings, folder: Path | None, out: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lay out what the deployments are told, and what where nobody has told them; by deployment.

    Raises:
        ValidationError: what is given can be no folder or address.
    """
    from tinyvideo.flows.commands.demo import fetch_films, has_films

    folder, films = folder or settings.folder, None
    if folder is None and has_films():
        films = state_folder(settings) / "films"
        fetch_films(films)
        say(f"no --folder: crawls take that of an earlier call, or the demo's films in {films}")
    told = _parameters(folder, _whole(out or settings.storage))
    return told, _parameters(films, str(state_folder(settings) / "out"))


def _whole(address: str) -> str:
    from tinyvideo.storage.objects import has_scheme

    if not address or has_scheme(address):
        return address
    return str(Path(address).expanduser().absolute())


def _parameters(folder: Path | None, out: str) -> dict[str, Any]:
    from tinyvideo.flows.run_options import RunOptions

    given = {"folder": folder and folder.expanduser().absolute(), "out": out}
    options = RunOptions.model_validate({name: each for name, each in given.items() if each})
    told = options.model_dump(mode="json", exclude_unset=True)
    its_out = {"out": options.out} if options.out else {}
    crawl = {"crawl-and-stabilize": {"options": told}} if told else {}
    others = {"build-dataset": its_out, "train": {"options": its_out}} if its_out else {}
    return {**crawl, **others}


def _register(*steps: "Callable[[PrefectClient], Awaitable[None]]") -> None:
    # After the environment, which it reads; and before a loop runs, in which its plugins would not.
    from prefect.client.orchestration import get_client

    async def register() -> None:
        async with get_client() as client:
            for step in steps:
                await step(client)

    asyncio.run(register())


def _worker_of(pool: str) -> str:
    return f"worker-{pool}"


def _require_free(port: int, url: str) -> None:
    if is_free(port):
        return
    if answers(url, timeout_s=5):  # a stranger may take the call and say nothing
        raise ServerError(
            f"a Prefect server that 'tinyvideo up' did not start answers at {url}; use it with "
            f"PREFECT_API_URL={url}, or choose another --port"
        )
    raise ServerError(f"port {port} is taken by another program; choose another with --port")


def _without_url() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
