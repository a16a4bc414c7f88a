"""The books: what was found equals what became of it, in videos and in clips.

    found = sharded + rejected (by reason) + failed (by cause) + pending

The two sides are counted apart: `found` is the number of rows, the right side is summed by state,
clips come from the per-video counts, and strips from the committed shards. So a lost
update, a doubled strip or a shard without its videos shows up as a sentence in `problems`.

Cost: arithmetic only; the counting is done by `storage.catalog.tally`.
"""

from dataclasses import dataclass, field
from typing import Any

from tinyvideo.pipeline.errors import ExpectedError


class BooksError(ExpectedError):
    """Something was lost or counted twice; the text says what."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One side of the books, counted in `unit`s."""

    unit: str
    found: int
    sharded: int
    rejected: dict[str, int]
    failed: dict[str, int]
    pending: int

    @property
    def accounted(self) -> int:
        """Sum of everything that became of what was found."""
        return self.sharded + sum(self.rejected.values()) + sum(self.failed.values()) + self.pending

    @property
    def problem(self) -> str:
        """Say by how much the sides differ; empty if they agree."""
        if self.found == self.accounted:
            return ""
        return f"{self.found} {self.unit} found, but {self.accounted} accounted for"

    def as_dict(self) -> dict[str, Any]:
        """Lay the account out for JSON."""
        return {
            "found": self.found,
            "sharded": self.sharded,
            "rejected": self.rejected,
            "failed": self.failed,
            "pending": self.pending,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Videos, clips and shards of one catalog at one moment."""

    videos: Account
    clips: Account
    shards: int
    strips: int
    """Rows in committed shards."""

    bytes: int
    """Size of the committed shards."""

    stray: list[str] = field(default_factory=list)
    """Rows that contradict each other, one sentence each."""

    @property
    def problems(self) -> list[str]:
        """Say everything that does not balance; empty when all does."""
        found = [self.videos.problem, self.clips.problem]
        if self.clips.sharded != self.strips:
            found.append(
                f"sharded videos gave {self.clips.sharded} strips, the shards hold {self.strips}"
            )
        return [problem for problem in [*found, *self.stray] if problem]

    @property
    def balanced(self) -> bool:
        """True when nothing is lost and nothing is counted twice."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Lay the books out for JSON."""
        return {
            "videos": self.videos.as_dict(),
            "clips": self.clips.as_dict(),
            "shards": self.shards,
            "strips": self.strips,
            "bytes": self.bytes,
            "balanced": self.balanced,
            "problems": self.problems,
        }
