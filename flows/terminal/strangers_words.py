"""Texts of strangers, made fit for where they are shown: a function for each such place.

Titles, names of owners and files, and what servers say go to a terminal, to pages, to Markdown and
to JSON. Each of these has words of its own that do something: escape sequences move the cursor or
rename the window, bidi overrides turn a text around, brackets make links. What does something is
shown, not done.

    tame        what no place wants: controls, bidi overrides, halves of characters
    printable   one text for the terminal; both of `pipeline.strange_letters`, as errors need them
    markdown    one text within a line of Markdown, as words and nothing else
    web_link    an address that a page may lead to
    json_text   a document as JSON that is UTF-8, or ASCII where the terminal takes no more

Cost: 1 us per text of 80 letters.
Source: RFC 8259 for JSON.
"""

import json
import re
from urllib.parse import quote, urlsplit

from tinyvideo.pipeline.strange_letters import WITHOUT_LINES, printable, shown_letter, tame

__all__ = ["json_text", "markdown", "printable", "tame", "web_link"]

_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#|~!&$])")
_IN_LINK = "%:/?#@!$&'*+,;=-._~"


def markdown(text: str) -> str:
    """Write words that Markdown shows as they are: no link, no tag, no cell of a table."""
    return _MARKDOWN.sub(r"\\\1", tame(" ".join(text.split())))


def web_link(address: str) -> str:
    """Return `address` if it is one of the web, else nothing: `javascript:` is an address too."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.netloc or address != address.strip():
        return ""
    return quote(address, safe=_IN_LINK, errors="replace")


def json_text(document: object, encoding: str = "utf-8") -> str:
    r"""Write a document as JSON; what a terminal would obey is written as `\u001b`.

    Half of a character, as in names of files that are no text, has no place in UTF-8: it becomes
    `\udcff` in words, as everywhere in the catalog. An `encoding` of few letters gets ASCII.
    """
    ascii_only = encoding.lower().replace("-", "").replace("_", "") != "utf8"
    text = json.dumps(_whole(document), indent=2, ensure_ascii=ascii_only)
    return WITHOUT_LINES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _whole(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATES.sub(shown_letter, value)
    if isinstance(value, dict):
        return {_whole(name): _whole(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(entry) for entry in value]
    return value
