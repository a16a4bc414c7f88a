"""The page of the thresholds, made from the configurations each time the book is built.

A page says `<!-- made: thresholds -->` where it wants the file that `tinyvideo config` prints.

Cost: 0.1 s, and importing OpenCV.
"""

from typing import Any

from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.thresholds import write_toml

MARK = "<!-- made: thresholds -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the file in the place of the mark; mkdocs calls this for every page."""
    if MARK not in markdown:
        return markdown
    return markdown.replace(MARK, f"```toml\n{write_toml(CurationConfig())}```")
