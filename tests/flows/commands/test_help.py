"""Help is complete and imports little; every command has an example, `--json` and completion."""

import ast
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tinyvideo
from tinyvideo.flows.commands.command_table import PANELS, PLACES, load_command
from tinyvideo.flows.terminal import MEANINGS
from tinyvideo.pipeline.errors import ExpectedError, install_extra

REPOSITORY = Path(tinyvideo.__file__).parents[1]

FOR_HELP = {"annotated_doc", "shellingham", "typer"}
"""What `tinyvideo --help` may import that is not Python's or ours: typer, and what that brings."""

FOR_ONE = FOR_HELP | {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
"""What the help of one command may import: also pydantic, with which typer reads options."""

SEE_IMPORTS = """
import atexit, sys
before = set(sys.modules)  # what .pth files of the installation bring along

def show():
    found = {name.partition(".")[0] for name in set(sys.modules) - before}
    found -= {name for name in found if name.startswith("_sysconfigdata")}  # made by the build
    known = sys.stdlib_module_names | {"tinyvideo", "__mp_main__"}
    sys.stderr.write(" ".join(sorted(found - known)))

atexit.register(show)
from tinyvideo.flows.cli import main
main()
"""


def call(*words, **environment):
    return subprocess.run(
        [sys.executable, "-c", SEE_IMPORTS, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_names_every_command_under_its_heading_and_imports_little(word):
    answer = call(word)

    assert answer.returncode == 0, answer.stderr
    assert set(answer.stderr.split()) <= FOR_HELP
    for panel, places in PANELS.items():
        section = answer.stdout.partition(f"\n{panel}:\n")[2].partition("\n\n")[0]
        told = [line.split()[0] for line in section.splitlines() if line[2] != " "]
        assert told == list(places)
    for code, sentence in MEANINGS.items():
        assert f"{code:>3}  {sentence}\n" in answer.stdout


def test_help_without_a_command_is_no_success():
    answer = call()

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("Usage: tinyvideo [OPTIONS] COMMAND")


def test_version():
    answer = call("--version")

    assert answer.returncode == 0
    name, version = answer.stdout.split()
    assert name == "tinyvideo"
    assert version.count(".") == 2


def rooms():
    return {place.room: name for name, place in PLACES.items()}


@pytest.mark.parametrize("name", rooms().values(), ids=rooms())
def test_the_help_of_one_command_imports_no_machinery(name):
    answer = call(name, "-h")

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"Usage: tinyvideo {name} ")
    assert set(answer.stderr.split()) <= FOR_ONE


def commands():
    for name in PLACES:
        command = load_command(name)
        yield name, command
        for inner, each in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", each


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", PLACES)
def test_the_line_in_the_table_is_that_of_the_command(name):
    text = COMMANDS[name].help.partition("\n\n")[0]

    assert PLACES[name].line == " ".join(text.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_there_is_an_example_that_can_be_typed(name):
    (example,) = [line for line in COMMANDS[name].help.splitlines() if "Example: " in line]
    words = shlex.split(example.removeprefix("Example: tinyvideo "))
    called = name if getattr(COMMANDS[name], "commands", None) is None else " ".join(words[:2])
    assert called.startswith(name)
    assert " ".join(words).startswith(called)

    command = COMMANDS[called]
    context = command.context_class(command, info_name=called)
    given, rest, _ = command.make_parser(context).parse_args(words[len(called.split()) :])

    assert rest == []
    for param in command.params:
        assert given.get(param.name) is not None or not param.required


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_json_and_says_with_out_and_to_the_same(name):
    command = COMMANDS[name]
    options = {word: param for param in command.params for word in param.opts}
    if getattr(command, "commands", None) is None:
        assert "--json" in options
    if "--to" in options:
        told = options["--to"].help
        assert "on this disk" in told or "s3://BUCKET/PREFIX" in told
    elif "--out" in options:
        assert options["--out"].help.startswith("Output")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("tinyvideo sta", {"status", "stabilize"}),
        ("tinyvideo run --fold", {"--folder"}),
        ("tinyvideo shards re", {"repair"}),
    ],
)
def test_the_shell_completes(typed, offered):
    position = str(len(typed.split()) - 1)

    answer = call(_TINYVIDEO_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=position)

    assert set(answer.stdout.split()) == offered
    # As where typer cannot tell the shell: it is named.
    shown = call("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "_TINYVIDEO_COMPLETE=complete_bash" in shown.stdout


def test_errors_keep_to_the_table_of_exit_codes():
    classes = [ExpectedError]
    for each in classes:
        classes += each.__subclasses__()

    assert {each.exit_code for each in classes} <= set(MEANINGS)


def test_extras_are_named_as_they_work_from_a_clone():
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    said = []
    for floor in ("pipeline", "storage", "models", "flows"):
        for path in (REPOSITORY / floor).rglob("*.py"):
            assert "'tinyvideo[" not in path.read_text()
            said += [
                ast.unparse(node.args[0])
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "install_extra"
            ]

    named = {ast.literal_eval(word) for word in said if word.startswith("'")}
    assert install_extra("words").endswith("pip install -e '.[words]'")
    assert {"words", "demo", "postgres"} <= named <= set(extras["optional-dependencies"])


def test_an_older_python_gets_one_sentence():
    old = "import sys; sys.version_info = (3, 10, 13, 'final', 0); import tinyvideo.flows.cli"

    answer = subprocess.run(
        [sys.executable, "-c", old], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 2
    assert answer.stderr == "tinyvideo needs Python 3.11 or newer; this is 3.10\n"
    for path in ("tinyvideo/__init__.py", "flows/__init__.py", "flows/cli.py"):
        ast.parse((REPOSITORY / path).read_text(), feature_version=(3, 6))
