"""The wheel, installed alone, in a folder that has a `models/` of its own."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.drawn.films import film, shaky_path, write_video

REPOSITORY = Path(__file__).parents[2]
MINE = "NAME = 'mine'\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment: the wheel, and the dependencies of this one, which take 7 GB."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(folder)]
    sources = folder / "sources"
    sources.mkdir()
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=REPOSITORY, capture_output=True, check=True,
    )  # fmt: skip
    copy = ["tar", "-cf", "-", "--null", "-T", "-"]
    packed = subprocess.run(
        copy, cwd=REPOSITORY, input=tracked.stdout, capture_output=True, check=False
    )
    subprocess.run(["tar", "-xf", "-", "-C", sources], input=packed.stdout, check=True)
    subprocess.run([*pip, *build, str(sources)], check=True)
    (wheel,) = folder.glob("tinyvideo-*.whl")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env/bin/python"
    install = ["--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, *install], check=True)
    (libraries,) = (folder / "env/lib").glob("python*/site-packages")
    # A path in a .pth file is added as it is: the editable tinyvideo of this environment is not.
    (libraries / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return folder / "env/bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's research: packages with the names of our folders, and a film."""
    for name in ("models", "storage", "pipeline", "flows"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(MINE)
    (tmp_path / "films").mkdir()
    write_video(tmp_path / "films/walk.mp4", film(shaky_path(66)))
    return tmp_path


def run(project: Path, *command: object, **settings: str) -> str:
    environment = {**os.environ, "PYTHONPATH": ".", "TINYVIDEO_WORKERS": "1", **settings}
    done = subprocess.run(
        [*map(str, command)],
        cwd=project, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_imports_its_own_models_and_ours(installed, project):
    script = project / "research.py"
    script.write_text(
        "import importlib\n"
        "import flows, models, pipeline, storage, tinyvideo\n"
        "assert {m.NAME for m in (flows, models, pipeline, storage)} == {'mine'}\n"
        "for floor in ('pipeline.curation', 'storage.datasets', 'models.networks'):\n"
        "    importlib.import_module(f'tinyvideo.{floor}')\n"
        "print(tinyvideo.__file__)\n"
    )
    found = run(project, installed / "python", script)
    assert Path(found.strip()).is_relative_to(installed.parent)


def test_a_film_goes_all_the_way_beside_them(installed, project, prefect_url):
    said = run(
        project, installed / "tinyvideo", "run", "--folder", "films", "--out", "out", "--json",
        PREFECT_API_URL=prefect_url,
    )  # fmt: skip
    books = json.loads(said)
    assert (books["videos"]["found"], books["balanced"]) == (1, True)
    built = run(
        project, installed / "tinyvideo", "dataset", "build", "walks", "--out", "out", "--json"
    )
    assert json.loads(built)["name"] == "walks"
    listed = run(project, installed / "tinyvideo", "dataset", "ls", "--out", "out", "--json")
    assert [entry["name"] for entry in json.loads(listed)] == ["walks"]


def test_nothing_but_one_name_is_installed(installed):
    (record,) = installed.parent.glob("lib/python*/site-packages/tinyvideo-*.dist-info/RECORD")
    tops = {line.split("/")[0].split(",")[0] for line in record.read_text().splitlines()}
    assert {top for top in tops if not top.startswith((".", "tinyvideo-"))} == {"tinyvideo"}
    files = record.read_text()
    assert "tinyvideo/py.typed" in files
    assert "tinyvideo/flows/report/templates/report.html.j2" in files
    assert "tinyvideo/models/scenes/places365_categories.txt" in files
