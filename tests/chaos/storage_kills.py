"""Kill -9 at random moments, on a real S3 server, and look at what is left after each.

    python -m tests.chaos.storage_kills --what shards --kills 100 --seed 1

What is killed is a module of its own, named in `WHAT`, with functions of an address such as
"s3://shards/1f0c":

    prepare(address, folder)    once: put there what the work needs; `folder` is for files
    work(address)               works until there is nothing to do, or for ever; is killed
    check(address) -> int       after every kill: asserts what must hold at any moment; returns
                                how far the work has come, so that chaos sees it move
    finish(address)             optional, at the end and never killed: finishes what is left,
                                and asserts what must hold then

HOME is a folder of the run's own, so that the default work folder of an output is one, too. The
work is forked from a process that has imported it: a kill costs no second of importing, and
comes at a moment that is drawn between two that follow each other closely.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.servers.children import ROOT, say
from tests.servers.seaweed import BUCKET, serve

WHAT = {
    "shards": "tests.chaos.chaos_shards",
    "datasets": "tests.chaos.chaos_datasets",
    "takedowns": "tests.chaos.chaos_takedowns",
    "rebuild": "tests.chaos.chaos_rebuild",
}
LONGEST_S = 0.6
"""The work is killed within so many seconds. Ours: a few units of the work, on an idle machine."""


def run_chaos(
    what: str, address: str, folder: Path, kills: int, seed: int, longest_s: float = LONGEST_S
) -> tuple[int, int]:
    """Kill the work again and again; return how many kills met it at work, and how far it came.

    The environment names the server, and a HOME that nobody else uses.
    """
    module, moments, met = import_module(WHAT[what]), random.Random(seed), 0
    module.prepare(address, folder)
    with forks(what, address) as server:
        for _ in range(kills):
            met += kill_once(server, moments.uniform(0, longest_s))
            module.check(address)
    getattr(module, "finish", lambda _: None)(address)
    return met, module.check(address)


def kill_once(server: subprocess.Popen[str], after_s: float) -> bool:
    """Have the work done, and kill it; False if it was done before."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write("work\n")
    server.stdin.flush()
    process = int(server.stdout.readline())
    time.sleep(after_s)
    os.kill(process, signal.SIGKILL)  # it is there until `wait_for_fork` has waited for it
    server.stdin.write("wait\n")
    server.stdin.flush()
    code = int(server.stdout.readline())
    assert code in {0, -signal.SIGKILL}, f"the work failed by itself, with {code}"
    return code != 0


@contextmanager
def forks(what: str, address: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that forks the work whenever it is told to."""
    serve = "storage_kills.serve_forks(*sys.argv[1:])"
    code = f"import sys; from tests.chaos import storage_kills; {serve}"
    # No threads of NumPy, which could not fork.
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, WHAT[what], address]
    with subprocess.Popen(
        command, cwd=ROOT, env=alone, text=True, stdin=pipe, stdout=pipe
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def serve_forks(module_name: str, address: str) -> None:
    """Fork, and wait for what was forked, line by line."""
    import tinyvideo.storage.objects.s3  # noqa: F401, PLC0415  imported once, connected in each child

    module, process = import_module(module_name), 0
    for line in sys.stdin:
        if line == "wait\n":
            say(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
            continue
        process = os.fork()
        if not process:
            work(module, address)
        say(process)


def work(module: ModuleType, address: str) -> None:
    """Do the work in a fork, and end without what the parent would do at its end."""
    code = 1
    try:
        module.work(address)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--what", choices=WHAT, default="shards")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--within", type=float, default=LONGEST_S, help="seconds to a kill")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tinyvideo-chaos-") as name:
        folder = Path(name)
        (folder / "weed").mkdir()
        with serve(folder / "weed") as server:
            os.environ |= {**server.environment(), "HOME": name}
            address = f"s3://{BUCKET}/{uuid.uuid4().hex}"
            start = time.monotonic()
            met, came = run_chaos(
                options.what, address, folder, options.kills, options.seed, options.within
            )
            seconds = time.monotonic() - start
    say(f"{options.what}: {options.kills} kills, {met} at work, it came to {came}; {seconds:.0f} s")


if __name__ == "__main__":
    main()
