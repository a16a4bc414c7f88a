"""What `tinyvideo doctor` does: is this machine fit, and what to do where it is not.

    copy                            which tinyvideo runs, and where others lie
    disk, memory, border, weights,
    gpu                             of this machine
    output, catalog                 can they be read and written, with the keys that are set
    server, pools, automations      does Prefect answer, and does anybody work there

Each check is a line: fine, worth knowing, or wrong, which makes the exit code 1.

Cost: a second, and 3 s more for torch if there is a GPU; one small object is written and deleted.
"""

import shutil
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tinyvideo.flows.commands.operating.installed_copies import other_copies, running_copy
from tinyvideo.flows.here import WORKER_MB, memory_mb
from tinyvideo.flows.machine import DEPLOYMENTS, POOLS
from tinyvideo.flows.server import (
    SERVER,
    Processes,
    ServerError,
    ask,
    asks_for_password,
    password_for,
    read_password,
    require_server,
    state_folder,
)
from tinyvideo.flows.settings import Settings, code_version, read_settings
from tinyvideo.flows.terminal import ExitCode, end_with, say, write_json
from tinyvideo.flows.workers import TCP_SINCE, landlock_version
from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.pipeline.masks import masked
from tinyvideo.storage.objects import has_scheme
from tinyvideo.storage.outputs import OutputAddress

FREE_GB = 20
"""Ours: two batches of films, their strips and a shard of 256 videos."""

OPEN = (
    "the server answers whoever reaches it, who may read its secrets and start runs: set "
    "PREFECT_SERVER_API_AUTH_STRING=USER:PASSWORD where it is started, or use 'tinyvideo up'"
)


class Verdict(StrEnum):
    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found."""

    what: str
    verdict: Verdict
    says: str


def check_machine(*, only_worker: bool, json: bool) -> None:
    """Check what a command needs here, or only what a running worker needs, and show it.

    Raises:
        Exit: something is wrong.
    """
    settings = read_settings()
    checks = (check_server,) if only_worker else CHECKS
    found = [_shown(finding) for check in checks for finding in check(settings)]
    if json:
        write_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            say(f"{_MARKS[finding.verdict]} {finding.what}: {finding.says}")
    if wrong := [finding.what for finding in found if finding.verdict is Verdict.WRONG]:
        end_with(ExitCode.FAILED, f"something is wrong with: {', '.join(wrong)}")


def _shown(finding: Finding) -> Finding:
    return replace(finding, says=masked(finding.says))


_MARKS = {Verdict.FINE: "✓", Verdict.NOTE: "·", Verdict.WRONG: "✗"}


def check_copies(_: Settings) -> Iterator[Finding]:
    """See which copy of tinyvideo runs, and whether another one may be meant."""
    says = f"tinyvideo {code_version()} runs from {running_copy()}"
    others = other_copies()
    if others:
        listed = ", ".join(map(str, others))
        says += (
            f"; there is another in {listed}: which one runs depends on the folder, PATH and "
            "PYTHONPATH, so remove what you do not mean"
        )
    yield _finding("copy", not others, says, Verdict.NOTE)


def check_disk(settings: Settings) -> Iterator[Finding]:
    """See how much room there is where unfinished work lies."""
    folder = settings.work.expanduser()
    if settings.storage and not has_scheme(settings.storage):
        folder = Path(settings.storage).expanduser()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    enough = free >= FREE_GB
    says = f"{free:,.0f} GB free at {folder}"
    way_out = f"; {FREE_GB} GB let two batches be under way: make room, or set TINYVIDEO_WORK"
    yield _finding("disk", enough, says if enough else says + way_out, Verdict.NOTE)


def check_memory(settings: Settings) -> Iterator[Finding]:
    """See whether the worker processes fit into the memory, of the machine or its container."""
    total = memory_mb()
    if total is None:
        return
    wanted = settings.workers * WORKER_MB
    says = f"{total:,.0f} MB for {settings.workers} processes of up to {WORKER_MB:,} MB"
    way_out = f"; set TINYVIDEO_WORKERS={max(1, int(total // WORKER_MB))} or less"
    yield _finding("memory", total >= wanted, says if total >= wanted else says + way_out)


def check_border(_: Settings) -> Iterator[Finding]:
    """See what the kernel takes from the processes that open films of strangers."""
    version = landlock_version()
    says = "films are opened without writing elsewhere, and without network, by Landlock"
    if 0 < version < TCP_SINCE:
        says = "films are opened without writing elsewhere; Linux 6.7 would take the network too"
    elif not version:
        says = (
            "this kernel has no Landlock: films are opened with limits of time and memory only; "
            "Linux 5.13 has it"
        )
    yield _finding("border", version >= TCP_SINCE, says, Verdict.NOTE)


def check_weights(settings: Settings) -> Iterator[Finding]:
    """See who tags the scenes."""
    path = settings.places_weights
    if path is None:
        says = "scenes are ImageNet proxies; 'tinyvideo weights get places365' has the real ones"
        yield Finding(what="weights", verdict=Verdict.NOTE, says=says)
        return
    there = path.expanduser().is_file()
    says = str(path) if there else f"{path} is missing; 'tinyvideo weights get places365'"
    yield _finding("weights", there, says)


def check_gpu(_: Settings) -> Iterator[Finding]:
    """See whether torch can use a GPU that is there."""
    if not Path("/dev/nvidia0").exists():
        says = "none; training runs on the CPU, slowly"
        yield Finding(what="gpu", verdict=Verdict.NOTE, says=says)
        return
    from tinyvideo.models.devices import count_gpus  # loads torch

    count = count_gpus()
    says = f"{count}" if count else "torch cannot use it; install a torch with CUDA, and its driver"
    yield _finding("gpu", count > 0, says)


def check_output(settings: Settings) -> Iterator[Finding]:
    """See whether the output and its catalog can be used with the keys that are set."""
    if not settings.storage:
        says = "TINYVIDEO_STORAGE is not set; commands and runs say --out or options.out"
        yield Finding(what="output", verdict=Verdict.NOTE, says=says)
        return
    place: list[OutputAddress] = []

    def probe() -> str:
        place.append(OutputAddress.at(settings.storage, settings.work, settings.catalog))
        place[0].probe()
        return f"{place[0].address} can be written"

    def count() -> str:
        catalog = place[0].open_catalog(make=False)
        try:
            done, found, strips = catalog.position()
        finally:
            catalog.close()
        return f"{done} of {found} videos done, {strips} strips"

    yield _tried("output", probe)
    if place:
        yield _tried("catalog", count, otherwise=Verdict.NOTE)  # there may be none yet


OTHERWISE = (
    "start that server; or unset PREFECT_API_URL, and 'tinyvideo up' starts one on this machine"
)


def server_of(settings: Settings) -> tuple[str | None, str]:
    """Name the server at PREFECT_API_URL, or the one that `up` has started here; its password."""
    if settings.prefect_api_url is not None:
        return settings.prefect_api_url, password_for(settings)
    processes = Processes(state_folder(settings))
    note = processes.read_note(SERVER)
    if note is None:
        return None, ""
    return str(note["url"]), settings.prefect_password or read_password(processes.folder)


def _hint(url: str) -> str:
    return "" if url.rstrip("/").endswith("/api") else f"; did you mean {url.rstrip('/')}/api?"


def check_server(settings: Settings) -> Iterator[Finding]:
    """See whether the Prefect server answers and lets us in."""
    url, password = server_of(settings)
    if url is None:
        says = (
            "PREFECT_API_URL is not set; commands start private ones, 'tinyvideo up' a common one"
        )
        yield Finding(what="server", verdict=Verdict.NOTE, says=says)
        return

    def reach() -> str:
        require_server(url, password, otherwise=OTHERWISE + _hint(url))
        return f"Prefect {ask(url, '/admin/version', password)} answers at {url}"

    found = _tried("server", reach)
    yield found
    if found.verdict is Verdict.FINE:
        says = "the server asks for one" if asks_for_password(url) else OPEN
        yield _finding("password", says is not OPEN, says, Verdict.NOTE)


def check_pools(settings: Settings) -> Iterator[Finding]:
    """See whether the pools are there, not paused, with workers."""
    url, password = server_of(settings)
    for pool in POOLS if url is not None else ():

        def look(pool: str = pool) -> str:
            found = _ask(str(url), f"/work_pools/{pool}", password)
            if found["is_paused"]:
                raise ServerError(f"is paused; 'prefect work-pool resume {pool}' has it go on")
            if found["status"] == "READY":
                return "workers are there"
            raise ServerError(f"no worker is there; start one with 'tinyvideo worker {pool}'")

        yield _tried(f"pool {pool}", look, otherwise=Verdict.NOTE)


def check_deployments(settings: Settings) -> Iterator[Finding]:
    """See whether the deployments are there, of our version."""
    url, password = server_of(settings)
    for waiting in DEPLOYMENTS if url is not None else ():

        def compare(name: str = waiting.name) -> str:
            version = _ask(str(url), f"/deployments/name/{name}/{name}", password)["version"]
            if version == code_version():
                return f"of version {version}"
            raise ServerError(
                f"is of version {version}, this machine has {code_version()}, so that its workers "
                "take no runs; install the same on all, and call 'tinyvideo up' or 'deploy'"
            )

        yield _tried(f"deployment {waiting.name}", compare)


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    check_copies,
    check_disk,
    check_memory,
    check_border,
    check_weights,
    check_gpu,
    check_output,
    check_server,
    check_pools,
    check_deployments,
)
"""In the order in which they are shown."""


def _ask(url: str, path: str, password: str) -> Any:
    try:
        return ask(url, path, password)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise ServerError("is not on the server; call 'tinyvideo up' or 'deploy'") from error
        raise ServerError(f"the server answers {error.code} {error.reason}") from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ServerError(f"the server cannot be asked: {error}") from error


def _tried(what: str, check: Callable[[], str], otherwise: Verdict = Verdict.WRONG) -> Finding:
    try:
        return Finding(what=what, verdict=Verdict.FINE, says=check())
    except ExpectedError as error:
        return Finding(what=what, verdict=otherwise, says=str(error))


def _finding(what: str, fine: bool, says: str, otherwise: Verdict = Verdict.WRONG) -> Finding:
    return Finding(what=what, verdict=Verdict.FINE if fine else otherwise, says=says)
