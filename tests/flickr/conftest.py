"""The imitation of Flickr, for clients in this process and in others."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tinyvideo.flows.imitation.flickr_server import Imitation, ImitationConfig, imitate_flickr
from tinyvideo.flows.imitation.population import Population, PopulationConfig

Imitate = Callable[..., Imitation]


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
