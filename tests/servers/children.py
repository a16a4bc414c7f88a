"""What the tests let other processes do: race for a name, hold a lock, die in the middle of a step.

A child imports only what it needs and says "ready" once it has; it then waits for the word to go,
so that racing children start together.
"""

import errno
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OBJECT_BYTES = 300_000


@contextmanager
def child(action: Callable[..., None], *args: object) -> Iterator[subprocess.Popen[str]]:
    """Start `action` in a process of its own, ready to go; it is killed at the end."""
    code = "import sys; from tests.servers import children as children; "
    code += f"children.{action.__name__}(*sys.argv[1:])"
    command = [sys.executable, "-W", "error", "-c", code, *map(str, args)]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # no threads of NumPy, which could not fork
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=alone, text=True, stdin=pipe, stdout=pipe
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def race(
    action: Callable[..., None], arguments: list[tuple[object, ...]], watch: Callable[[], None]
) -> list[list[str]]:
    """Let children run against each other; return the lines that each one printed."""
    with ExitStack() as stack:
        running = [stack.enter_context(child(action, *args)) for args in arguments]
        for process in running:
            go(process)
        while any(process.poll() is None for process in running):
            watch()
        printed = [process.communicate()[0].splitlines() for process in running]
        assert [process.returncode for process in running] == [0] * len(running)
    return printed


@contextmanager
def packers() -> Iterator[Callable[[Path, str, int], bool]]:
    """Yield a function that has a process take up an output folder, and be killed in the middle.

    That is, when the function with a dotted name returns from a call, counted from 1. False if
    it never did, so that the process came to its end.
    """
    with child(serve_packers) as server:

        def run(root: Path, deadly: str, call: int) -> bool:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps([str(root), deadly, call]) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
            assert code in {0, -signal.SIGKILL}, code
            return code != 0

        yield run


# -- in the child ----------------------------------------------------------------------------


def wait_for_go() -> None:
    say("ready")
    sys.stdin.readline()


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def put_objects(root: str, letter: str, keys: str, links: str) -> None:
    """Put a large object of one letter under each of some names; print the names that it won."""
    from tinyvideo.storage.objects.folder import FolderStore  # noqa: PLC0415

    if links == "without links":
        os.link = refuse_to_link
    store = FolderStore(Path(root))
    wait_for_go()
    for number in range(int(keys)):
        key = f"final/{number}"
        with store.temporary() as path:
            path.write_text(letter * OBJECT_BYTES)
            if store.put_if_absent(key, path):
                say(key)


def put_into_store(address: str, letter: str, keys: str) -> None:
    """Put a large object of one letter under each of some names; print the names that it won."""
    from tinyvideo.storage.objects.stores import open_store  # noqa: PLC0415

    store = open_store(address)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(letter * OBJECT_BYTES)
        file.flush()
        wait_for_go()
        for number in range(int(keys)):
            if store.put_if_absent(f"final/{number}", Path(file.name)):
                say(f"final/{number}")


def refuse_to_link(source: Path, target: Path) -> None:
    """Behave like FAT."""
    raise OSError(errno.EPERM, "Operation not permitted", str(source), None, str(target))


def hold_folder(root: str) -> None:
    """Lock an output folder and keep it."""
    from tinyvideo.storage.objects.folder import FolderStore  # noqa: PLC0415

    with FolderStore(Path(root)).locked():
        wait_for_go()


def open_catalogs(folder: str, count: str) -> None:
    """Open some catalogs, none of which exists at first."""
    from tinyvideo.storage.catalog.video_catalog import Catalog  # noqa: PLC0415

    wait_for_go()
    for number in range(int(count)):
        Catalog.open(Path(folder) / f"{number}.db").close()


def lease_one_by_one(path: str) -> None:
    """Lease single videos until there are none; print their ids."""
    from tinyvideo.storage.catalog.video_catalog import Catalog  # noqa: PLC0415

    catalog = Catalog.open(path)
    wait_for_go()
    while leased := catalog.lease(1):
        say(leased[0].video_id)
    catalog.close()


def add_one(address: str, number: str) -> None:
    """Open a catalog, which may not exist, and enter a video."""
    from tests.drawn.strip_rows import draw_record  # noqa: PLC0415
    from tinyvideo.storage.catalog.video_catalog import Catalog  # noqa: PLC0415

    wait_for_go()
    catalog = Catalog.open(address)
    catalog.add([draw_record(int(number))])
    catalog.close()


def hold_catalog(address: str) -> None:
    """Be the only run of a catalog, and stay."""
    from tinyvideo.storage.catalog.video_catalog import Catalog  # noqa: PLC0415

    with Catalog.open(address).alone():
        wait_for_go()


def hold_turn(root: str) -> None:
    """Hold the turn of datasets, and stay."""
    from tinyvideo.storage.datasets.write_lock import dataset_lock  # noqa: PLC0415
    from tinyvideo.storage.outputs.output_address import OutputAddress  # noqa: PLC0415

    with OutputAddress.at(root).open() as output, dataset_lock(output):
        wait_for_go()


def build_again_and_again(root: str, revisions: str) -> None:
    """Build revisions of a dataset, each with another seed, and print it when it is there.

    Where a takedown is in the way, the build is tried again.
    """
    from tinyvideo.storage.datasets.committed_build import build_committed  # noqa: PLC0415
    from tinyvideo.storage.datasets.strip_query import DatasetConfig  # noqa: PLC0415
    from tinyvideo.storage.outputs.output_address import OutputAddress  # noqa: PLC0415
    from tinyvideo.storage.storage_errors import StorageError  # noqa: PLC0415

    wait_for_go()
    seed = 0
    while seed < int(revisions):
        config = DatasetConfig(seed=seed, validation=0, test=0)
        try:
            with OutputAddress.at(root).open() as output:
                build_committed(output, "raced", config)
        except StorageError as error:
            if "under way" not in str(error) and "written anew" not in str(error):
                raise
        else:
            say(seed)
            seed += 1


def write_and_wait(address: str) -> None:
    """Stay in the middle of a writing transaction."""
    from tinyvideo.storage.catalog.video_catalog import Catalog  # noqa: PLC0415
    from tinyvideo.storage.database.engine import transaction  # noqa: PLC0415

    with transaction(Catalog.open(address).engine, writes=True) as db:
        db.exec_driver_sql("INSERT INTO facts VALUES ('half', 'way')")
        wait_for_go()


def serve_packers() -> None:
    """Fork for each line: importing takes a second, and there are many ways to die."""
    from tinyvideo.storage.batches.commit_shard import finish_shards, pack  # noqa: PLC0415
    from tinyvideo.storage.catalog.video_catalog import Catalog  # noqa: PLC0415
    from tinyvideo.storage.objects.folder import FolderStore  # noqa: PLC0415
    from tinyvideo.storage.outputs.output_address import CATALOG_NAME  # noqa: PLC0415

    # Python 3.12 warns of forks beside threads. Arrow's allocator has one, and is made for it.
    warnings.simplefilter("ignore", DeprecationWarning)
    say("ready")
    for line in sys.stdin:
        root, deadly, call = json.loads(line)
        process = os.fork()
        if process:
            say(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
            continue
        make_deadly(deadly, call)
        catalog, store = Catalog.open(Path(root) / CATALOG_NAME), FolderStore(Path(root))
        catalog.give_back()
        finish_shards(catalog, store)
        pack(catalog, store)
        os._exit(0)


def make_deadly(dotted: str, call: int) -> None:
    owner, _, name = dotted.rpartition(".")
    place = pkgutil.resolve_name(owner)
    original = getattr(place, name)
    calls = count(1)

    def deadly(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, name, deadly)
