"""What a search on Flickr is told: words, a place, an owner, a span of days, whose rights.

Cost: data only.
"""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.find import Query, Span, read_words

FLICKR_BEGAN = date(2004, 2, 10)
"""Nothing is older; videos came in April 2008."""


class SearchOptions(BaseModel):
    """A search, or one per word of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: str = Field("", description="Tags, separated by commas: any of them; -tag excludes.")
    text: str = Field("", description="Words of title, description or tags: all of them.")
    words: Path | None = Field(None, description="File with a word per line; a search for each.")
    owner: str = Field("", description="Owner's NSID, as 12345678@N00.")
    bbox: str = Field("", description="West, south, east, north edge in degrees: 5,50,10,55.")
    since: date = Field(FLICKR_BEGAN, description="First day of upload.")
    until: date | None = Field(None, description="Day after the last day of upload. Empty: now.")
    limit: int | None = Field(None, ge=1, description="New videos after which to stop.")
    unsafe: bool = Field(False, description="Do not ask for safe results only.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.tags or self.text or self.words or self.owner or self.bbox):
            raise ValueError("say what to search for: --tag, --text, --words, --owner or --bbox")
        if self.until is not None and self.until <= self.since:
            raise ValueError(f"--since {self.since} is not before --until {self.until}")
        try:
            self.base(())
        except ValueError as error:
            raise ValueError(f"--bbox: {error}") from error
        return self

    def base(self, licenses: tuple[str, ...], text: str = "") -> Query:
        """Make a query of it, with the licenses that are wanted; none: all."""
        return Query(
            tags=self.tags,
            text=text or self.text,
            owner=self.owner,
            bbox=self.bbox.replace(" ", ""),
            licenses=licenses,
            safe=not self.unsafe,
        )

    def queries(self, licenses: tuple[str, ...]) -> list[Query]:
        """List the searches, one per word where there is a list of words.

        Raises:
            UnreadableError: the file of words cannot be read, or has none.
        """
        return [self.base(licenses, text) for text in self.texts()]

    def texts(self) -> list[str]:
        """List the texts that are searched for: one per word where there is a list of words.

        Raises:
            UnreadableError: the file of words cannot be read, or has none.
        """
        if self.words is None:
            return [self.text]
        words = read_words(self.words)
        if not words:
            raise UnreadableError(f"the list {self.words} has no words")
        return [" ".join(filter(None, (self.text, word))) for word in words]

    def span(self, now: datetime) -> Span:
        """Name the seconds of upload: from the first of `since` to the last before `until`."""
        last = int(now.timestamp())
        if self.until is not None:
            last = min(last, _second(self.until) - 1)
        return Span(_second(self.since), last)

    @property
    def label(self) -> str:
        """Name it for people: `flickr beach`."""
        words = (self.tags, self.text, self.owner, self.bbox)
        listed = f"words of {self.words.name}" if self.words else ""
        return " ".join(filter(None, ("flickr", *words, listed)))


def _second(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
