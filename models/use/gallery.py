"""A page of generated clips: all of them moving in a grid, the parts of each beside it.

The page names its pictures by relative paths, so it can be moved with its folder and needs no
server. It has no script, and takes nothing from outside.

Cost: nothing beside the pictures.
"""

from collections.abc import Sequence
from html import escape

_STYLE = (
    "body{font:14px system-ui;margin:2em;background:#fff;color:#222}"
    "main{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0}"
    "img{width:128px;height:128px;image-rendering:pixelated;display:block}"
    "img.part{width:64px;height:64px}.clip{display:flex}"
    "figcaption{font-size:12px;color:#555}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}figcaption{color:#aaa}}"
)

_PARTS = ("foreground.gif", "mask.gif", "background.jpg")


def draw_page(title: str, folders: Sequence[str], *, parts: bool) -> str:
    """Write the page of the clips in `folders`; with `parts`, foreground, mask and background."""
    figures = "\n".join(_figure(folder, parts) for folder in folders)
    says = (
        "<p>Beside each clip, from top to bottom: foreground, mask (white shows the foreground), "
        "background.</p>"
        if parts
        else ""
    )
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>\n<h1>{escape(title)}</h1>{says}\n<main>\n{figures}\n</main></html>\n"
    )


def _figure(folder: str, parts: bool) -> str:
    name = escape(folder, quote=True)
    column = "".join(
        f'<img class="part" src="{name}/{part}" alt="{part.split(".")[0]} of clip {name}">'
        for part in _PARTS
    )
    beside = f"<div>{column}</div>" if parts else ""
    return (
        f'<figure><div class="clip"><img src="{name}/video.gif" alt="clip {name}">{beside}</div>'
        f'<figcaption>{name} <a href="{name}/video.mp4">mp4</a></figcaption></figure>'
    )
