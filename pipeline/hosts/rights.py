"""One gate for rights: every source asks it, in the same words, whether strips may be made.

A license is known by its address, by Flickr's number, or by its name (`CC BY 4.0`, `cc-by-sa-2.0`,
`Attribution-NonCommercial License`, `CC0`). What is not known is not allowed, and neither is a
video of which no license is said; only what lies with the user (a folder, a bucket, an address of
one of these) may say nothing, since there the user decides.

Cost: data only. Source: the licenses of Creative Commons; SPDX names.
"""

import re

from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.hosts.licenses import License

WAY_OUT = "--any-license takes it, on your own decision"
"""How the sentence of a refusal ends."""

_NAMES = re.compile(
    r"(cc[ -]?by([ -]nc)?([ -]sa)?|(creative commons )?attribution([ -]noncommercial)?"
    r"([ -]sharealike)?)([ -]\d\.\d)?( generic| international)?( license)?"
    r"|cc[ -]?0([ -]1\.0)?( universal)?|public domain( mark| dedication \(cc0\))?([ -]1\.0)?"
    r"|no known copyright restrictions|united states government work",
    re.IGNORECASE,
)
"""Names of licenses that allow derivatives; no name with "no derivatives" fits."""


def refusal_of(
    *, name: str = "", url: str = "", number: str = "", any_license: bool = False, own: bool = False
) -> tuple[RejectReason | None, str]:
    """Say why strips may not be made of a video: a reason and a sentence; None and "" if they may.

    `own`: it lies with the user, who may leave the license unsaid.
    """
    if any_license or allows(name=name, url=url):
        return None, ""
    if not (name or url or number):
        if own:
            return None, ""
        return RejectReason.NOT_ALLOWED_LICENSE, f"no license is said of it; {WAY_OUT}"
    said = " ".join(
        part for part in (number, name and f"({name})" if number else name, url) if part
    )
    return (
        RejectReason.NOT_ALLOWED_LICENSE,
        f"license {said} is not known to allow derivatives; {WAY_OUT}",
    )


def allows(*, name: str = "", url: str = "") -> bool:
    """Tell whether a license is known to allow derivatives; an address counts more than a name."""
    if url:
        return License(number="", name=name, url=url).allows_derivatives
    return bool(_NAMES.fullmatch(" ".join(name.split())))
