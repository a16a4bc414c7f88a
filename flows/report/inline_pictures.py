"""Pictures inside a page: every JPEG once, as a rule of a style sheet.

A strip is a sprite sheet of 32 frames, so a page plays it with nothing but CSS: the strip is the
background of a square, and moves up by one frame at a time. The pixels stand in a style sheet
and not in the elements, so that a strip that is shown twice is stored once, and so that the
page's security policy can name the sheet by its hash and forbid every other style.

Cost: base64 makes a JPEG a third larger.
"""

import base64
import hashlib
from dataclasses import dataclass, field

from tinyvideo.pipeline.types import STRIP_FRAMES

DEFAULT_FPS = 25.0
"""Frames per second of what has no rate of its own: generated clips. The paper's."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A strip that plays, or a still, as an element of a page."""

    classes: str
    """CSS classes of the element."""

    says: str
    """What is to be seen, for those who cannot see it."""


@dataclass(slots=True)
class Gallery:
    """Collects the pictures of one page."""

    _rules: dict[str, str] = field(default_factory=dict)

    def strip(self, jpeg: bytes, fps: float | None, says: str) -> Picture:
        """Add a strip that plays at `fps` frames per second; None: nobody knows."""
        seconds = STRIP_FRAMES / (fps if fps and 1 <= fps <= 240 else DEFAULT_FPS)
        rule = f"animation-duration:{seconds:.3f}s"
        return Picture(f"film {self._add('p', _image(jpeg))} {self._add('t', rule)}", says)

    def still(self, jpeg: bytes, says: str) -> Picture:
        """Add a single picture."""
        return Picture(f"film still {self._add('p', _image(jpeg))}", says)

    @property
    def css(self) -> str:
        """The style sheet that holds all pictures."""
        return "".join(f".{name}{{{rule}}}\n" for rule, name in self._rules.items())

    def _add(self, prefix: str, rule: str) -> str:
        return self._rules.setdefault(rule, f"{prefix}{len(self._rules)}")


def _image(jpeg: bytes) -> str:
    return f'background-image:url("data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}")'


def csp_hash(text: str) -> str:
    """Name an inline style or script as a content security policy does."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
