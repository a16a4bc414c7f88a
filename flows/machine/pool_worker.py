"""What `tinyvideo worker POOL` does: takes flow runs from a pool and does them, until stopped.

It runs Prefect's process worker: each flow run is a process of its own. On the pool `cpu` there are
two in one, so that a crawl that waits for its batches never takes the place of a batch:

    queue `shards`     one run at a time: a batch keeps all cores busy by itself
    queue `flows`      crawls and datasets, up to eight

Stopped by SIGTERM or Ctrl-C, the worker ends its runs and puts them back into their queue, for
another worker or for itself after the next start. One of another version than the deployments, or
than a run that it is offered, takes none and ends with a sentence. Killed, it cannot; then the
automations of `flows.machine.automations` notice that the runs have gone silent.

Cost: 150 MB, and one small request to the server every 2 s.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from tinyvideo.flows.machine.deployments import FLOWS, POOLS, SHARDS, TRAINING, require_current
from tinyvideo.flows.server import ServerError, logging_file, password_for, require_server
from tinyvideo.flows.settings import code_version, read_settings
from tinyvideo.flows.terminal import (
    SIGNALS,
    code_of,
    let_go_of_terminal,
    say,
    unheard_by_children,
)

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

    from tinyvideo.flows.machine.run_worker import RunWorker

AT_ONCE = {FLOWS: 8, SHARDS: 1, TRAINING: 1}
"""Runs of a queue that one worker does at the same time."""

HEARTBEAT_S = 30
"""Seconds between the signs of life of a run; Prefect allows no fewer."""

ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_CLIENT_MAX_RETRIES": "8",  # a server that is away for four minutes is waited for
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S),
    "PREFECT_WORKER_QUERY_SECONDS": "2",
}
"""What a worker and its runs are told, where the environment says nothing else."""


def work_for(pool: str, name: str) -> tuple[int, int]:
    """Do the flow runs of a pool, until stopped; return the exit code, and how many were put back.

    The server is the one at PREFECT_API_URL. Prefect's page shows `name`, or else this host's.

    Raises:
        BadParameter: there is no such pool.
        ServerError: no server is set, or it does not answer, let us in, or know the pool.
    """
    settings = read_settings()
    if pool not in POOLS:
        raise typer.BadParameter(f"{pool!r} is no pool of ours: {' or '.join(POOLS)}")
    if settings.prefect_api_url is None:
        raise ServerError(
            "say where the Prefect server is: PREFECT_API_URL=http://HOST:4200/api, "
            "or start one with 'tinyvideo up'"
        )
    url = settings.prefect_api_url
    password = password_for(settings)
    require_server(url, password, otherwise="start it with 'tinyvideo up'")
    prepare_environment(url, password)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
    import prefect  # noqa: F401, PLC0415  after the environment, before a loop: its plugins want none

    return asyncio.run(_work(pool, name or socket.gethostname()))


def prepare_environment(api_url: str, password: str) -> None:
    """Tell Prefect in this process, and in those it starts, which server it is, and how to work."""
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    os.environ.setdefault("PREFECT_LOGGING_SETTINGS_PATH", logging_file())
    os.environ["PREFECT_API_URL"] = api_url
    if password:
        os.environ["PREFECT_API_AUTH_STRING"] = password


async def _work(pool: str, name: str) -> tuple[int, int]:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from tinyvideo.flows.machine.run_worker import RunWorker  # noqa: PLC0415

    async with get_client() as client:
        await _require_pool(client, pool)
        await require_current(client)
    workers = [
        RunWorker(
            work_pool_name=pool,
            work_queues=[queue],
            name=f"{name}-{queue}",
            limit=AT_ONCE[queue],
            create_pool_if_not_found=False,
        )
        for queue in POOLS[pool][1]
    ]
    await _put_back(workers)  # what a worker of this name has left, which was killed
    code = await _until_stopped(workers)
    return code, await _put_back(workers)


async def _put_back(workers: "Sequence[RunWorker]") -> int:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from tinyvideo.flows.machine.run_worker import put_back_interrupted  # noqa: PLC0415

    async with get_client() as client:
        runs = sum([await put_back_interrupted(client, worker) for worker in workers])
    if runs:
        say(f"put back {runs} flow runs that were cut off")
    return runs


async def _until_stopped(workers: "Sequence[RunWorker]") -> int:
    loop = asyncio.get_running_loop()
    stop, leaves = _asked_to_stop(loop), loop.create_future()
    for worker in workers:
        worker.leaves = leaves
    starts: list[Coroutine[Any, Any, None]] = [each.start(printer=say) for each in workers]
    tasks = [asyncio.create_task(start) for start in starts]
    say(f"tinyvideo {code_version()}, process {os.getpid()}; stop it with Ctrl-C")
    waited: list[asyncio.Future[Any]] = [*tasks, stop, leaves]
    with unheard_by_children():  # who would speak of their end while they are imported
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await asyncio.gather(task)
    if leaves.done():
        say(f"leaves the pool: {leaves.result()}")
    return code_of(stop.result()) if stop.done() else 1


def _asked_to_stop(loop: asyncio.AbstractEventLoop) -> "asyncio.Future[int]":
    stop: asyncio.Future[int] = loop.create_future()

    def end(number: int) -> None:
        if number == signal.SIGHUP:
            let_go_of_terminal()
        if not stop.done():  # a second time: it is at it
            stop.set_result(number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` has SIGHUP ignored
            loop.add_signal_handler(number, end, number)
    return stop


async def _require_pool(client: "PrefectClient", pool: str) -> None:
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415

    try:
        await client.read_work_pool(pool)
    except ObjectNotFound as error:
        raise ServerError(
            f"there is no work pool {pool!r} at {client.api_url}; make it with 'tinyvideo up'"
        ) from error
