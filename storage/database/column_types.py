"""Columns whose values are what they should be, or the catalog is damaged and says so.

SQLite stores anything in any column, and a catalog may have been damaged, or made by somebody
else. A value is looked at where it is read, so that everything above trusts it: a text is a text, a
moment a moment. What is none raises `DamagedError`, which `storage.database.engine` turns into a
sentence with the name of the file.

Cost: 0.15 us per value.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa


class DamagedError(ValueError):
    """A value of the catalog is not what its column holds."""


class _Checked(sa.types.TypeDecorator[Any]):
    """A type of SQLAlchemy whose results have one of the types `kinds`."""

    kinds: tuple[type, ...] = ()

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """Look at each value, behind what the database's driver makes of it."""
        made = self.impl_instance.result_processor(dialect, coltype)
        kinds = self.kinds

        def check(value: Any) -> Any:
            if value is None:
                return None
            try:
                found = value if made is None else made(value)
            except (ValueError, TypeError) as error:
                raise DamagedError(f"it has {value!r:.80} where {self.what} should be") from error
            if not isinstance(found, kinds):
                raise DamagedError(f"it has {value!r:.80} where {self.what} should be")
            return found

        return check

    @property
    def what(self) -> str:
        """Name what its values are, for people."""
        return {str: "a text", int: "a whole number", float: "a number"}.get(
            self.kinds[0], "a moment"
        )


class Text(_Checked):
    """Sorted by code points, as in SQLite and Python, whatever the language of the server."""

    impl = sa.String
    kinds = (str,)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Name the order of letters where a server has one of its own."""
        named = sa.String(collation="C") if dialect.name == "postgresql" else sa.String()
        return dialect.type_descriptor(named)

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """Escape what no database takes, in what is stored and in what is looked for alike."""
        return storable(value) if isinstance(value, str) else value


def storable(text: str) -> str:
    """Escape what no database takes: NUL, and lone surrogates, of file names that are no text."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


class Whole(_Checked):
    """A whole number; SQL knows a smaller kind, too."""

    impl = sa.Integer
    kinds = (int,)
    cache_ok = True


class BigWhole(_Checked):
    """A whole number of 64 bits."""

    impl = sa.BigInteger
    kinds = (int,)
    cache_ok = True


class Real(_Checked):
    """A number of 64 bits; SQLite gives back 12.0 as it was stored, perhaps as 12."""

    impl = sa.Double
    kinds = (float, int)
    cache_ok = True


class Moment(_Checked):
    """A moment in time, in UTC; SQLite forgets the zone."""

    impl = sa.DateTime(timezone=True)
    kinds = (datetime,)
    cache_ok = True
