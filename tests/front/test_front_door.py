"""`import tinyvideo` costs nothing, hands out few names, and these are typed."""

import ast
import os
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import get_type_hints

import pytest

import tinyvideo as tv
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.train_and_use import TrainSwitches

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("numpy", "cv2", "torch", "pyarrow", "sqlalchemy", "prefect", "pydantic", "typer", "boto3")


def loaded_after(program: str) -> set[str]:
    show = f"{program}\nimport sys; sys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", show],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name for name in HEAVY if name in done.stdout.split()}


def test_importing_it_imports_nothing_heavy():
    look = "import tinyvideo as tv; dir(tv); tv.__version__; tv.RejectedError; tv.ExpectedError"
    assert loaded_after(look) == set()


def test_stabilizing_needs_no_torch_and_opening_an_output_no_opencv():
    assert not loaded_after("import tinyvideo as tv; tv.stabilize") & {
        "torch",
        "prefect",
        "pyarrow",
    }
    assert not loaded_after("import tinyvideo as tv; tv.open") & {"torch", "prefect", "cv2"}


def test_every_name_is_there_and_listed():
    for name in tv.__all__:
        assert getattr(tv, name) is not None
    assert set(tv.__all__) <= set(dir(tv))
    assert tv.__version__ == version("tinyvideo")
    with pytest.raises(AttributeError, match="has no attribute 'stabilise'"):
        tv.stabilise  # noqa: B018


def test_what_is_promised_to_type_checkers_is_what_comes():
    tree = ast.parse((REPOSITORY / "tinyvideo" / "__init__.py").read_text())
    promised = {
        name.asname or name.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinyvideo.")
        for name in node.names
    }
    assert promised == {name: f"tinyvideo.{home}" for name, home in tv._HOMES.items()}
    assert set(tv.__all__) == {*promised, "__version__"}


def test_switches_of_training_are_the_fields_of_its_configuration():
    hints = get_type_hints(TrainConfig)
    assert get_type_hints(TrainSwitches) == {f.name: hints[f.name] for f in fields(TrainConfig)}


def test_a_strict_type_checker_follows_what_users_write():
    assert (files("tinyvideo") / "py.typed").is_file()
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "tests/front/users_program.py"],
        cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = done.stdout.count("error:")
    assert wrong == 0
