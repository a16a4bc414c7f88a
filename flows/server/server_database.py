"""Prefect's database in a file: who writes waits for the lock first, and is not refused half-way.

Prefect begins most of its transactions `DEFERRED`: they read first, and take SQLite's lock at their
first write. If somebody has written in between, SQLite says "database is locked" at once, whatever
the time-out (the snapshot is stale, waiting would not help). Signs of life of workers were lost so,
and an event whose second automation failed was evaluated again, and told up to four times. Begun
`IMMEDIATE`, a transaction waits at its beginning, up to the time-out. Reading outside of
transactions waits for nobody, as before.

Cost: nothing where nobody else writes. Six clients that make runs and set states without a pause
had 1.0 answers a second, half of them errors, and have 30, none of them (one reading on 2 busy
cores). PostgreSQL has no such lock, and is left as it is.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any


def wait_for_lock() -> None:
    """Have the Prefect server of this process begin what may write by waiting for SQLite's lock.

    Before the server is made.
    """
    from prefect.server.database import configurations, dependencies  # noqa: PLC0415
    from prefect.server.utilities.database import get_dialect  # noqa: PLC0415
    from prefect.settings import get_current_settings  # noqa: PLC0415

    class Waiting(configurations.AioSqliteConfiguration):
        @asynccontextmanager
        async def begin_transaction(
            self, session: Any, with_for_update: bool = True
        ) -> AsyncGenerator[Any, None]:
            del with_for_update
            async with super().begin_transaction(session, with_for_update=True) as begun:
                yield begun

    secret = get_current_settings().server.database.connection_url
    url = secret.get_secret_value() if secret else ""
    if url and get_dialect(url).name == "sqlite":
        dependencies.MODELS_DEPENDENCIES["database_config"] = Waiting(connection_url=url)
