"""The imitation of Flickr, for clients in this process and in others."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tinyvideo.flows import cli
from tinyvideo.flows.imitation.flickr_server import (
    KEY,
    SECRET,
    Imitation,
    ImitationConfig,
    imitate_flickr,
)
from tinyvideo.flows.imitation.population import Population, PopulationConfig

Imitate = Callable[..., Imitation]
Command = Callable[..., dict]


@pytest.fixture
def imitate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Imitate]:
    """Start an imitation, to which the environment of this process then leads."""
    with ExitStack() as stack:

        def start(population: Population | PopulationConfig, **config: object) -> Imitation:
            if isinstance(population, PopulationConfig):
                population = Population(population)
            context = imitate_flickr(population, tmp_path / "tls", ImitationConfig(**config))
            imitation = stack.enter_context(context)
            for name, value in imitation.environment().items():
                monkeypatch.setenv(name, value)
            return imitation

        yield start


@pytest.fixture
def tinyvideo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run a command on an output, with the key of the imitation; return what it prints as JSON."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "FLICKR_KEY": KEY,
        "FLICKR_SECRET": SECRET,
        "API_RATE": "1000",
        "PAUSE_S": "0.05",
        "FETCH_TIMEOUT_S": "2",
    }.items():
        monkeypatch.setenv(f"TINYVIDEO_{name}", value)

    def run(*words: str, code: int = 0) -> dict:
        monkeypatch.setattr("sys.argv", ["tinyvideo", *words, "--out", "out", "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return json.loads(printed.out) if not code else {"said": printed.err}

    yield run
