"""A still picture of anybody's, as a file -> its centered square, as people see it.

Every command that is given a picture reads it here. It is turned as its camera says (EXIF), 16 bits
become 8, what is transparent shows white, CMYK and wide gamuts become sRGB by their own profile.
HEIC, as phones write it, is read where pillow-heif is installed.

A JPEG is reduced while it is decoded, by up to 8. The others are decoded whole, in their own mode,
and then made smaller in bands; so all that is ever held in full is the picture itself.

Cost, on one busy core, of 196 million pixels of noise: JPEG 0.6 s and 50 MB; PNG 33 s and 980 MB.
Of 12 million: 0.5 s and 11 MB; 2.4 s and 90 MB.

Source: EXIF 2.3, tag 274; alpha over white is what a page or a mail shows.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image, ImageCms
from torch import Tensor

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Pictures that are read, in Pillow's words; it would call another program for PostScript. HEIF
comes with pillow-heif."""

MOST_PIXELS = 2**28
"""Largest picture that is opened. Ours: phones make 200 million; a PNG of so many takes 1 GB."""

GROUND = (255, 255, 255)
"""What shows through where a picture is transparent."""

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
"""How the second box of such a file begins."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation of EXIF."""

_ORIENTATION = 274
_SPARE = 4
"""Pixels per side that stay before the last step, for each of the result."""

_opening = threading.Lock()


def read_still(content: bytes, size: int) -> Tensor:
    """Read the centered square of a picture as (3, size, size) in [-1, 1], RGB.

    Raises:
        ValueError: it cannot be; the text goes on behind the picture's name.
    """
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS and not _heif_is_there():
        raise ValueError(
            "is HEIC, which needs another package (pip install pillow-heif); or give a JPEG or PNG"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd tags beside a good picture
            with _opened(content) as image:
                _check(image)
                square = _square(image, size)
    except _UnfitError as error:
        raise ValueError(str(error)) from error
    except Exception as error:  # a stranger's file can break a decoder in any way
        reason = str(error) if str(error) and "BytesIO" not in str(error) else "of no known format"
        raise ValueError(
            f"is no picture that can be read ({reason}); give a JPEG or PNG"
        ) from error
    pixels = torch.from_numpy(np.array(square, np.uint8))
    return pixels.permute(2, 0, 1).float().div(127.5).sub(1)


class _UnfitError(ValueError):
    """A picture that opens, and that we do not take; the text goes on behind its name."""


def _heif_is_there() -> bool:
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415
    except ImportError:
        return False
    register_heif_opener()
    return True


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """Open a picture; our limit of its size stands in the place of Pillow's, for the header."""
    with _opening:
        theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            known = [kind for kind in (*FORMATS, "HEIF") if kind in _readable()]
            image = Image.open(io.BytesIO(content), formats=known)
        finally:
            Image.MAX_IMAGE_PIXELS = theirs
    with image:
        yield image


def _readable() -> set[str]:
    Image.init()
    return set(Image.OPEN)


def _check(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _UnfitError(
            f"has {image.width} x {image.height} pixels, and up to {MOST_PIXELS // 10**6} million "
            "are read; make it smaller"
        )
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        raise _UnfitError("has 32 bits per channel; save it with 8 or 16")


def _square(image: Image.Image, size: int) -> Image.Image:
    """Cut out the centered square, (size, size) in RGB, and turn it upright."""
    image.draft(None, (_SPARE * size, _SPARE * size))  # only a JPEG can
    image.load()
    small = _reduced(image, _SPARE * size).resize((size, size), Image.Resampling.BOX)
    small = _to_srgb(small, image.info.get("icc_profile"))
    turn = _TURNS.get(_orientation(image))
    return small if turn is None else small.transpose(turn)


def _reduced(image: Image.Image, least: int) -> Image.Image:
    """Average whole blocks of pixels, so that of the centered square at least `least` stay."""
    factor = max(1, min(image.size) // least)
    side = min(image.size) // factor
    left, top = ((length - side * factor) // 2 for length in image.size)
    right, rows = left + side * factor, max(1, 2**21 // (side * factor * factor))
    bands = []
    for first in range(0, side, rows):
        last = min(side, first + rows)
        band = image.crop((left, top + first * factor, right, top + last * factor))
        bands.append(_flattened(band).reduce(factor))
    whole = Image.new(bands[0].mode, (side, side))
    for number, band in enumerate(bands):
        whole.paste(band, (0, number * rows))
    return whole


def _flattened(band: Image.Image) -> Image.Image:
    """Make 8 bits per channel of what a picture holds, RGB or CMYK, without alpha."""
    if band.mode.startswith("I"):
        wide = np.asarray(band).astype(np.uint32)
        return Image.fromarray((wide / 257).round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if band.has_transparency_data:
        ground = Image.new("RGBA", band.size, (*GROUND, 255))
        return Image.alpha_composite(ground, band.convert("RGBA")).convert("RGB")
    return band if band.mode == "CMYK" else band.convert("RGB")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Show colors as their profile means them; without a good one, as they are."""
    if profile:
        try:
            theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            ours = ImageCms.createProfile("sRGB")
            shown = ImageCms.profileToProfile(picture, theirs, ours, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, ImportError):
            shown = None  # a profile of gray or of another mode, or none at all
        if shown is not None:
            return shown
    return picture.convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken tags beside a good picture: it stays as it lies
        return 1
