"""The pace of requests to one host, by hand."""

import pytest

from tinyvideo.pipeline.hosts.pace import Account, Limit

LIMIT = Limit(rate=4, guard_s=0.2, first_pause_s=5, max_pause_s=30)  # one request every 0.3 s


def take(account, times, limit=LIMIT, now=100.0):
    moments = []
    for _ in range(times):
        moments.append(account.moment(now))
        account = account.take(limit, now)
    return account, moments


def test_requests_are_spaced_and_never_come_as_a_burst():
    _, moments = take(Account(), 5)

    assert moments == pytest.approx([100.0, 100.3, 100.6, 100.9, 101.2])
    # 4 in a second and the guard: in any window of one second there are 4 at most.
    assert moments[4] - moments[0] == pytest.approx(1 + 0.2)


def test_time_that_nobody_used_is_not_made_up_for():
    account, _ = take(Account(), 1, now=100.0)

    _, moments = take(account, 3, now=500.0)

    assert moments == pytest.approx([500.0, 500.3, 500.6])


def test_a_refusal_pauses_and_the_next_pause_is_twice_as_long():
    account = Account().refuse(LIMIT, 100.0, None)
    assert account.moment(100.0) == 105.0

    account = account.refuse(LIMIT, 105.0, None)
    assert account.moment(105.0) == 115.0

    for _ in range(4):
        account = account.refuse(LIMIT, 200.0 + 100 * account.strikes, None)
    assert account.paused_until - (200.0 + 500) == 30  # the longest


def test_retry_after_is_honored_to_the_second():
    assert Account().refuse(LIMIT, 100.0, 77).moment(100.0) == 177.0


def test_refusals_that_come_during_a_pause_count_once():
    account = Account()
    for _ in range(4):  # of four workers
        account = account.refuse(LIMIT, 100.0, None)

    assert (account.strikes, account.slowdown, account.refused) == (1, 2.0, 4)
    assert account.moment(100.0) == 105.0
    assert account.refuse(LIMIT, 101.0, 60).moment(101.0) == 161.0  # a longer wish is granted


def test_after_a_refusal_it_is_slower_for_a_while():
    account = Account().refuse(LIMIT, 100.0, None)

    account, moments = take(account, 3, now=105.0)

    # Twice as slow, and a tenth of that is forgiven with each request: 0.6 s, then 0.54 s.
    assert moments == pytest.approx([105.0, 105.6, 106.14])
    account, _ = take(account, 20, now=200.0)
    assert (account.slowdown, account.strikes) == (1.0, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 0}, {"rate": 1, "guard_s": -1}, {"rate": 1, "first_pause_s": 9, "max_pause_s": 8}],
)
def test_a_limit_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="a limit needs"):
        Limit(**wrong)
