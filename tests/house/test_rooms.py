"""The house stays one: no crowded folder, no two modules of one name, and every door has a map."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.house.door_contract import is_in, rooms_around

REPOSITORY = Path(__file__).parents[2]
FLOORS = ("pipeline", "storage", "models", "flows")
MOST_MODULES = 14
MODULES = [path for floor in FLOORS for path in sorted((REPOSITORY / floor).rglob("*.py"))]
DOORS = [path for path in MODULES if path.name == "__init__.py"]
FRONT_DOOR = REPOSITORY / "tinyvideo" / "__init__.py"
MAPPED = [path for path in DOORS if "migrations" not in path.parts]  # Alembic's own order
FOLDERS = {path.parent for path in MODULES} | {
    path.parent
    for folder in ("tests", "benchmarks", "tinyvideo", "examples")
    for path in (REPOSITORY / folder).glob("**/*.py")
}


@pytest.mark.parametrize("folder", sorted(FOLDERS), ids=lambda path: str(path.name))
def test_no_folder_is_crowded(folder):
    count = len(list(folder.glob("*.py")))
    assert count <= MOST_MODULES, f"{folder} has {count} modules: give some of them a room"


def test_no_two_modules_have_one_name_and_no_room_that_of_a_module():
    names = [path.stem for path in MODULES if path not in DOORS]
    names += [path.stem for path in FRONT_DOOR.parent.glob("*.py") if path != FRONT_DOOR]
    rooms = [path.parent.name for path in DOORS if path.parent.name not in FLOORS]
    twice = [name for name, count in Counter(names + rooms).items() if count > 1]
    assert not twice, f"rename one of each: {', '.join(twice)}"


def test_tests_have_names_of_their_own_too():
    names = Counter(path.name for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("door", [FRONT_DOOR, *MAPPED], ids=lambda path: str(path.parent.name))
def test_a_door_has_a_map_of_what_lies_behind_it(door):
    text = ast.get_docstring(ast.parse(door.read_text())) or ""
    behind = [path.stem for path in door.parent.glob("*.py") if path != door]
    behind += [path.parent.name for path in door.parent.glob("*/__init__.py")]
    missing = [name for name in sorted(behind) if not re.search(rf"\b{name}\b", text)]
    assert not missing, f"{door}: give {', '.join(missing)} a line in the map at the top"


@pytest.mark.parametrize("door", MAPPED, ids=lambda path: str(path.parent.name))
def test_a_door_says_which_names_others_may_use(door):
    tree = ast.parse(door.read_text())
    imported = {
        name.asname or name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinyvideo.")
        for name in node.names
    }
    said = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    differing = sorted(set(said[0] if said else []) ^ imported)
    assert not differing, f"{door}: import and __all__ must both have {', '.join(differing)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_not_called_as_what_a_door_hands_out(path):
    # `from room import name` would mean the one or the other, by the order of imports.
    door = path.parent / "__init__.py"
    assert path == door or not re.search(rf'^    "{path.stem}",$', door.read_text(), re.MULTILINE)


def test_the_rooms_around_a_module():
    assert rooms_around("tinyvideo.storage.shards.schema") == {"tinyvideo.storage.shards"}
    assert rooms_around("tinyvideo.storage.shards") == set()
    assert rooms_around("tinyvideo.pipeline.types") == set()
    assert is_in("tinyvideo.storage.shards", "tinyvideo.storage.shards")
    assert not is_in("tinyvideo.storage.shards_too", "tinyvideo.storage.shards")


def test_an_import_past_a_door_is_found(tmp_path):
    for name in ("tinyvideo", "tinyvideo/storage", "tinyvideo/storage/room", "tinyvideo/models"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "tinyvideo/storage/room/inner.py").write_text("X = 1\n")
    past = "from tinyvideo.storage.room.inner import X\n"
    (tmp_path / "tinyvideo/models/user.py").write_text(past)
    (tmp_path / "tinyvideo/storage/room/neighbor.py").write_text(past)
    config = tmp_path / "importlinter.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "tinyvideo"\n'
        'contract_types = ["doors: tests.house.door_contract.DoorContract"]\n'
        '[[tool.importlinter.contracts]]\nname = "doors"\ntype = "doors"\n'
    )
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    paths = f"{tmp_path}{os.pathsep}{REPOSITORY}"
    done = subprocess.run(
        [*command, "--config", config, "--no-cache"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    said = done.stdout.replace("\n", " ")
    assert done.returncode == 1, done.stderr
    assert "tinyvideo.models.user (l. 1) reaches past a door" in said
    assert "neighbor" not in said
