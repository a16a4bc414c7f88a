"""The request budget of an output: what each host permits, shared by all who work for it.

Cost: reads the environment, and opens the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tinyvideo.flows.settings import Settings, read_settings
from tinyvideo.pipeline.hosts import Host, Limit
from tinyvideo.storage.catalog import PacedBudget, SharedAccounts
from tinyvideo.storage.outputs import OutputAddress


@contextmanager
def shared_budget(place: OutputAddress, settings: Settings | None = None) -> Iterator[PacedBudget]:
    """Open the budget of an output for a block; it is kept beside the catalog.

    What hosts permit is read from the environment, unless `settings` say it.

    Raises:
        StorageError: the database cannot be used.
    """
    accounts = SharedAccounts(place.catalog)
    try:
        yield PacedBudget(accounts=accounts, limits=limits_of(settings or read_settings()))
    finally:
        accounts.close()


def limits_of(settings: Settings) -> dict[Host, Limit]:
    """Read what each host permits from the settings."""
    rates = {
        Host.API: settings.api_rate,
        Host.PAGES: settings.page_rate,
        Host.MEDIA: settings.media_rate,
    }
    longest = max(settings.pause_s, 180 * settings.pause_s)
    return {
        host: Limit(rate=rate, first_pause_s=settings.pause_s, max_pause_s=longest)
        for host, rate in rates.items()
    }
