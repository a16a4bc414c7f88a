"""A picture looks as people see it, whatever its file; what cannot be read is one sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from tinyvideo.models.still_pictures import GROUND, MOST_PIXELS, read_still

RED, GREEN, BLUE, GRAY = (220, 30, 30), (30, 200, 40), (40, 50, 210), (90, 90, 90)


def quarters(size=64):
    """Four colors: red, green above; blue, gray below."""
    pixels = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    pixels[:half, :half], pixels[:half, half:] = RED, GREEN
    pixels[half:, :half], pixels[half:, half:] = BLUE, GRAY
    return Image.fromarray(pixels)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corners(content, size=64):
    """The four colors in the middle of the quarters, 0 to 255."""
    picture = (read_still(content, size).permute(1, 2, 0).numpy() + 1) * 127.5
    near, far = size // 4, 3 * size // 4
    return [picture[y, x] for y in (near, far) for x in (near, far)]


def assert_colors(content, expected, tolerance=1.0):
    for found, wanted in zip(corners(content), expected, strict=True):
        assert np.abs(found - np.array(wanted)).max() <= tolerance, (found, wanted)


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0.01),
        ("BMP", {}, 0.01),
        ("TIFF", {"compression": "tiff_lzw"}, 0.01),
        ("WEBP", {"lossless": True}, 0.01),
        ("GIF", {}, 0.01),
        ("JPEG", {"quality": 95}, 3),
        ("JPEG", {"quality": 95, "progressive": True}, 3),
        ("AVIF", {"quality": 95}, 4),
    ],
)
def test_formats_show_their_colors(kind, options, tolerance):
    assert_colors(saved(quarters(), kind, **options), [RED, GREEN, BLUE, GRAY], tolerance)


def test_heic_is_read_where_its_package_is():
    pytest.importorskip("pillow_heif").register_heif_opener()
    content = saved(quarters(), "HEIF", quality=95)
    assert_colors(content, [RED, GREEN, BLUE, GRAY], 4)


def test_heic_names_its_package_where_that_is_missing():
    try:
        import pillow_heif  # noqa: F401, PLC0415
    except ImportError:
        with pytest.raises(ValueError, match=r"is HEIC, .*\(pip install pillow-heif\)"):
            read_still(struct.pack(">I", 24) + b"ftypheic" + bytes(12), 64)
    else:
        pytest.skip("pillow-heif is here")


# Where the four quarters of the stored picture are seen, by the table of EXIF 2.3.
SEEN = {
    1: [RED, GREEN, BLUE, GRAY],
    2: [GREEN, RED, GRAY, BLUE],
    3: [GRAY, BLUE, GREEN, RED],
    4: [BLUE, GRAY, RED, GREEN],
    5: [RED, BLUE, GREEN, GRAY],
    6: [BLUE, RED, GRAY, GREEN],
    7: [GRAY, GREEN, BLUE, RED],
    8: [GREEN, GRAY, RED, BLUE],
}


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_picture_is_turned_as_its_camera_says(kind, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    assert_colors(saved(quarters(), kind, exif=exif), SEEN[orientation], 30)


def test_an_orientation_that_means_nothing_turns_nothing():
    exif = Image.Exif()
    exif[274] = 99
    assert_colors(saved(quarters(), "PNG", exif=exif), SEEN[1])


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(kind):
    wide = np.repeat(np.array([[0, 16384], [32768, 65535]], np.uint16), 32, 0).repeat(32, 1)
    shades = [[value / 257] * 3 for value in (0, 16384, 32768, 65535)]
    assert_colors(saved(Image.fromarray(wide), kind), shades, 1)


def test_sixteen_bits_of_each_color_become_eight():
    wide = np.zeros((64, 64, 3), ">u2")
    wide[:] = np.array([0x1234, 0x8000, 0xFFFF])
    assert_colors(png(64, 64, 16, 2, wide.tobytes(), row=64 * 6), [[0x12, 0x80, 0xFF]] * 4, 1)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_the_ground_shows_through_and_hidden_colors_do_not(kind):
    picture = quarters().convert("RGBA")
    picture.paste((*RED, 0), (32, 0, 64, 32))  # a red that nobody sees
    picture.paste((0, 0, 0, 128), (0, 32, 32, 64))  # half of a black
    half = [255 - 128] * 3
    content = saved(picture, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    assert_colors(content, [RED, GROUND, half, GRAY], 1)


def test_transparency_by_palette_and_by_one_color_is_seen_too():
    indexed = quarters().quantize(4)
    hidden = indexed.getpixel((40, 10))
    content = saved(indexed, "PNG", transparency=hidden)
    assert_colors(content, [RED, GROUND, BLUE, GRAY], 1)
    content = saved(quarters(), "PNG", transparency=GREEN)
    assert_colors(content, [RED, GROUND, BLUE, GRAY], 1)


def test_cmyk_is_shown_as_ink():
    ink = Image.new("CMYK", (64, 64), (0, 255, 255, 0))  # magenta and yellow make red
    for content in (saved(ink, "JPEG", quality=95), saved(ink, "TIFF")):
        assert_colors(content, [[255, 0, 0]] * 4, 3)


def test_colors_are_what_their_profile_says():
    linear = Image.fromarray(np.full((64, 64, 3), 55, np.uint8))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert_colors(saved(linear, "PNG", icc_profile=profile), [[55] * 3] * 4, 1)
    swapped = swap_primaries(profile)
    red = Image.new("RGB", (64, 64), (200, 20, 20))
    found = corners(saved(red, "PNG", icc_profile=swapped))[0]
    assert found[2] > 180
    assert found[0] < 60
    assert_colors(saved(red, "PNG", icc_profile=b"no profile"), [[200, 20, 20]] * 4, 1)


def swap_primaries(profile):
    """Let the tags of red and blue point to each other's places."""
    return profile.replace(b"rXYZ", b"tmpX").replace(b"bXYZ", b"rXYZ").replace(b"tmpX", b"bXYZ")


def test_gray_and_two_colors_are_read():
    assert_colors(saved(Image.new("L", (64, 64), 77), "PNG"), [[77] * 3] * 4)
    assert_colors(saved(Image.new("1", (64, 64), 1), "PNG"), [[255] * 3] * 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_shows_its_centered_square(kind):
    """1200 x 800: a frame of white, and the four quarters in the middle of it, 800 wide."""
    sheet = Image.new("RGB", (1200, 800), (255, 255, 255))
    sheet.paste(quarters(800), (200, 0))
    assert_colors(saved(sheet, kind), [RED, GREEN, BLUE, GRAY], 3)


def test_a_reduced_picture_is_the_mean_of_its_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    means = pixels.reshape(64, 16, 64, 16, 3).mean(axis=(1, 3))
    found = (read_still(saved(Image.fromarray(pixels), "PNG"), 64).permute(1, 2, 0) + 1) * 127.5
    assert np.abs(found.numpy() - means).max() <= 1.5  # rounded twice


def png(width, height, bits, color, content, row):
    """Write a PNG by hand; `content` is its pixels, `row` the bytes of one row."""
    rows = b"".join(b"\0" + content[i : i + row] for i in range(0, len(content), row))

    def chunk(name, body):
        check = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_bomb_is_refused_before_it_is_decoded():
    side = int(MOST_PIXELS**0.5) + 1
    with pytest.raises(ValueError, match=rf"^has {side} x {side} pixels, and up to 268 million"):
        read_still(png(side, side, 1, 0, b"", row=1), 64)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"I am no picture",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",  # a program
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        saved(quarters(), "PNG")[:120],
        saved(quarters(), "JPEG")[:300],
        saved(quarters(), "WEBP")[:60],
        saved(quarters(), "TIFF")[:90],
        struct.pack(">I", 24) + b"ftypavif" + bytes(12),
        png(64, 0, 8, 2, b"", row=192),
    ],
    ids=["empty", "text", "eps", "svg", "png", "jpeg", "webp", "tiff", "avif", "no-rows"],
)
def test_what_is_broken_or_no_picture_says_so(content):
    with pytest.raises(ValueError, match=r"^is no picture that can be read \(.+\); give a JPEG"):
        read_still(content, 64)


def test_numbers_without_a_known_range_are_refused():
    picture = Image.fromarray(np.ones((64, 64), np.float32))
    with pytest.raises(ValueError, match=r"^has 32 bits per channel; save it with 8 or 16"):
        read_still(saved(picture, "TIFF"), 64)
