"""How often a host is asked, counted for all workers of a deployment together.

There is one row per host in a table of the catalog's database. Whoever wants to ask takes the next
free moment in a transaction and sleeps until then. Moments are reckoned by one clock, that of the
database server, or of the machine for a SQLite file; only differences of it leave the
transaction, so that the clocks of the workers may be wrong. Whoever wakes too late lets its moment
pass and takes another: two requests could be too close else. What is lost with a worker is one
moment. Accounts in memory do the same for one process.

Cost with SQLite: 0.8 ms of processor time per request, and 4 ms beside six busy processes on two
cores, where a concurrency limit of Prefect costs 110 ms; so there is no need to take several at
once, which the host would see as a burst. The table of pyrate-limiter costs a seventh (tried, in
one run), but has a row per request and nothing about refusals, which all workers have to know.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

import sqlalchemy as sa

from tinyvideo.pipeline.errors import FailCause, TransientError
from tinyvideo.pipeline.hosts import Account, Host, Limit
from tinyvideo.storage.database import open_database, transaction

logger = logging.getLogger(__name__)

LONGEST_S = 24 * 3600
"""A moment further away than this is nonsense: the clock was set back."""

LATE = 0.5
"""Share of the guard by which a moment may be missed; 5 ms are always granted."""

Change: TypeAlias = Callable[[Account, float], Account]
"""What becomes of an account at a moment, in seconds of the clock of the accounts."""


class PausedError(TransientError):
    """The host is paused for longer than we care to wait; nothing was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """How things stand with one host."""

    host: Host
    rate: float
    """Requests per second that are made at most, as things are."""

    paused_for_s: float
    granted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Reading:
    """An account as it was at a moment."""

    account: Account
    now: float
    """The moment, on the clock of the accounts."""

    monotonic: float
    """The same moment on the clock `time.monotonic` of this process."""

    @property
    def wait_s(self) -> float:
        """How long the next request has to wait."""
        return self.account.moment(self.now) - self.now


class Accounts(Protocol):
    """Where the accounts are kept."""

    def change(self, host: Host, change: Change) -> Reading:
        """Change an account while nobody else does; return how it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedBudget:
    """A `pipeline.hosts.Budget`: permission to ask, at the pace that each host permits."""

    accounts: Accounts
    limits: Mapping[Host, Limit]
    patience_s: float = float("inf")
    """How long a request may wait, in seconds, before it is given up."""

    sleep: Callable[[float], None] = time.sleep
    """How to wait so many seconds; what it raises ends the waiting."""

    def acquire(self, host: Host) -> None:
        """Return as soon as one more request to `host` is permitted; it counts as made.

        Raises:
            PausedError: that would take longer than `patience_s`.
            StorageError: the database cannot be used.
        """
        limit = self.limits[host]
        while not self._try(host, limit):
            continue

    def penalize(self, host: Host, retry_after_s: float | None) -> None:
        """Take note that `host` refused a request, and how long it asked us to wait."""
        limit = self.limits[host]
        if retry_after_s is not None and retry_after_s > limit.max_pause_s:
            logger.warning(
                "%s wants to be left alone for %.0f s, and is: see 'tinyvideo budget'",
                host,
                retry_after_s,
            )
        self.accounts.change(host, lambda account, now: account.refuse(limit, now, retry_after_s))

    def states(self) -> list[HostState]:
        """Say how things stand, host by host."""
        return [self._state(host, limit) for host, limit in self.limits.items()]

    def _try(self, host: Host, limit: Limit) -> bool:
        def take(account: Account, now: float) -> Account:
            impatient = account.moment(now) - now > self.patience_s
            return account if impatient else account.take(limit, now)

        before = self.accounts.change(host, take)
        if before.wait_s > self.patience_s:
            detail = f"{host} is left alone for another {before.wait_s:.0f} s"
            raise PausedError(FailCause.HTTP_429, detail, before.wait_s)
        moment = before.monotonic + before.wait_s
        self.sleep(max(0.0, moment - time.monotonic()))
        if before.wait_s > 1 and self._state(host, limit).paused_for_s:
            return False  # somebody was refused while we waited
        return time.monotonic() - moment <= max(LATE * limit.guard_s, 0.005)

    def _state(self, host: Host, limit: Limit) -> HostState:
        reading = self.accounts.change(host, lambda account, now: account)
        account = reading.account
        return HostState(
            host=host,
            rate=1 / (limit.spacing_s * account.slowdown),
            paused_for_s=max(0.0, account.paused_until - reading.now),
            granted=account.granted,
            refused=account.refused,
        )


@dataclass(slots=True)
class LocalAccounts:
    """Accounts of this process."""

    _known: dict[Host, Account] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, host: Host, change: Change) -> Reading:
        """As `Accounts.change`."""
        with self._lock:
            now = time.monotonic()
            account = self._known.get(host, Account())
            self._known[host] = change(account, now)
        return Reading(account, now, now)


_TABLES = sa.MetaData()
_ACCOUNTS = sa.Table(
    "budgets",
    _TABLES,
    sa.Column("host", sa.String, primary_key=True),
    sa.Column("next_at", sa.Double, nullable=False),
    sa.Column("paused_until", sa.Double, nullable=False),
    sa.Column("slowdown", sa.Double, nullable=False),
    sa.Column("strikes", sa.Integer, nullable=False),
    sa.Column("granted", sa.BigInteger, nullable=False),
    sa.Column("refused", sa.BigInteger, nullable=False),
)
"""Not one of the catalog's tables: it may be dropped, and is made where it is missing."""


class SharedAccounts:
    """Accounts of all processes that use one database."""

    def __init__(self, address: str | Path) -> None:
        """Open the database at a path or URL, and make the table if it is missing.

        Raises:
            StorageError: the database cannot be used.
        """
        self._engine = open_database(address)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _write_without_sync)
        with transaction(self._engine, writes=True) as db:
            _TABLES.create_all(db)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def change(self, host: Host, change: Change) -> Reading:
        """As `Accounts.change`.

        Raises:
            StorageError: the database cannot be used.
        """
        row = _ACCOUNTS.c.host == host.value
        with transaction(self._engine, writes=True) as db:
            now, monotonic = _clock(db), time.monotonic()
            found = db.execute(_ACCOUNTS.select().where(row)).mappings().one_or_none()
            account = _account(found) if found else Account()
            if account.moment(now) - now > LONGEST_S:
                account = Account(granted=account.granted, refused=account.refused)
            changed = change(account, now)
            if not found:
                db.execute(_ACCOUNTS.insert().values(host=host.value, **asdict(changed)))
            elif changed is not account:
                db.execute(_ACCOUNTS.update().where(row).values(**asdict(changed)))
        return Reading(account, now, monotonic)


def _account(row: sa.RowMapping) -> Account:
    return Account(**{name: value for name, value in row.items() if name != "host"})


def _clock(db: sa.Connection) -> float:
    if db.dialect.name == "sqlite":
        return time.time()
    return float(db.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp())")) or 0)


def _write_without_sync(connection: object, _record: object) -> None:
    # A power cut may take back the last moments: nothing is lost by it.
    connection.execute("PRAGMA synchronous=NORMAL")  # type: ignore[attr-defined]
