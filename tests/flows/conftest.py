"""What tests of runs on a machine with a worker share."""

from collections.abc import Iterator

import pytest

from tests.servers.prefect_machine import Machine, films, worker_machine


@pytest.fixture(scope="module")
def machine(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with a worker, and a folder `beaches` of three films."""
    with worker_machine(prefect_url, tmp_path_factory.mktemp("home")) as machine:
        films(machine.home / "beaches", 3, frames=66)
        yield machine
