"""The budget of a host, shared by processes: never more than is permitted."""

import json
import subprocess
import sys
import threading
import time

import pytest

from tinyvideo.pipeline.hosts.pace import Account, Limit
from tinyvideo.pipeline.hosts.request_budget import Host
from tinyvideo.storage.catalog.request_accounts import (
    LocalAccounts,
    PacedBudget,
    PausedError,
    SharedAccounts,
)

ASK = """
import json, sys, time
from tinyvideo.pipeline.hosts.request_budget import Host
from tinyvideo.pipeline.hosts.pace import Limit
from tinyvideo.storage.catalog.request_accounts import PacedBudget, SharedAccounts

budget = PacedBudget(accounts=SharedAccounts(sys.argv[1]), limits={Host.API: Limit(rate=40)})
moments = []
for _ in range(20):
    budget.acquire(Host.API)
    moments.append(time.monotonic())
print(json.dumps(moments))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    if request.param == "sqlite":
        return str(tmp_path / "catalog.db")
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def accounts(address):
    accounts = SharedAccounts(address)
    yield accounts
    accounts.close()


def fullest_second(moments):
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


def test_four_processes_together_keep_to_the_rate(address, accounts):
    command = [sys.executable, "-c", ASK, address]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    moments = [m for process in processes for m in json.loads(process.communicate()[0])]

    assert len(moments) == 80
    assert fullest_second(moments) <= 40
    budget = PacedBudget(accounts=accounts, limits={Host.API: Limit(rate=40)})
    (state,) = budget.states()
    assert state.granted >= 80  # a moment that was missed is taken anew


def test_a_refusal_is_known_to_everybody(address, accounts):
    limits = {Host.MEDIA: Limit(rate=100, guard_s=0), Host.API: Limit(rate=100)}
    mine = PacedBudget(accounts=accounts, limits=limits)
    others = SharedAccounts(address)
    impatient = PacedBudget(accounts=others, limits=limits, patience_s=1)

    mine.penalize(Host.MEDIA, 60)

    with pytest.raises(PausedError, match=r"media is left alone for another (59|60) s"):
        impatient.acquire(Host.MEDIA)
    impatient.acquire(Host.API)  # the host is paused, and not the run
    states = {state.host: state for state in impatient.states()}
    others.close()
    assert 58 < states[Host.MEDIA].paused_for_s <= 60
    assert (states[Host.MEDIA].granted, states[Host.MEDIA].refused) == (0, 1)
    assert (states[Host.API].granted, states[Host.API].refused) == (1, 0)


def test_a_clock_that_was_set_back_does_not_stop_everything(accounts):
    accounts.change(Host.API, lambda account, now: Account(next_at=now + 10**7, granted=7))
    budget = PacedBudget(accounts=accounts, limits={Host.API: Limit(rate=100)}, patience_s=1)

    budget.acquire(Host.API)

    assert budget.states()[0].granted == 8


def test_whoever_waits_while_another_is_refused_goes_on_waiting():
    accounts = LocalAccounts()
    limit = Limit(rate=0.8, guard_s=0, first_pause_s=1.5)
    budget = PacedBudget(accounts=accounts, limits={Host.API: limit})
    budget.acquire(Host.API)
    waiting = threading.Thread(target=budget.acquire, args=[Host.API])
    waiting.start()  # for 1.25 s
    time.sleep(0.5)

    budget.penalize(Host.API, None)  # until 2 s from the beginning
    waiting.join(1)

    assert waiting.is_alive()
    waiting.join(30)
    assert not waiting.is_alive()
