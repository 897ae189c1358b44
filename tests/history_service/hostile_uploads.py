"""Two hundred broken or hostile uploads: each a name, a file name, bytes, and statuses allowed."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image, PngImagePlugin
from uploading import picture

Upload = tuple[str, str, bytes, set[int]]
FORMS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
NO_PICTURE, TOO_LARGE, FINE = 400, 413, 200


def hostile_uploads() -> list[Upload]:
    kinds = (
        *(empty, truncated, wrong_extension, not_pictures, text_with_scripts, archives),
        *(huge_dimensions, bombs, polyglots, flipped_bits, tiff_directories, odd_but_valid, noise),
    )
    return [upload for kind in kinds for upload in kind()]


def photo(form: str, **options) -> bytes:
    """A picture with detail in it, so that a cut hits pixels."""
    detail = Image.effect_noise((120, 90), 60).convert("RGB")
    encoded = io.BytesIO()
    detail.save(encoded, form, **options)
    return encoded.getvalue()


def empty() -> Iterator[Upload]:
    for extension in ("jpg", "png", "gif", "webp"):
        yield f"empty {extension}", f"empty.{extension}", b"", {NO_PICTURE}


def truncated() -> Iterator[Upload]:
    for form in FORMS:
        whole = photo(form)
        for share in (0.01, 0.05, 0.1, 0.3, 0.5):
            cut = whole[: max(int(len(whole) * share), 4)]
            yield f"{form} cut at {share}", f"cut.{form.lower()}", cut, {NO_PICTURE}


def wrong_extension() -> Iterator[Upload]:
    """The content decides, whatever the name says: these are good pictures."""
    for form in FORMS:
        for name in ("a.txt", "a.exe", "a.svg", "a"):
            yield f"{form} named {name}", name, picture(form=form), {FINE}


def not_pictures() -> Iterator[Upload]:
    contents = {
        "pdf": b"%PDF-1.7\n1 0 obj<<>>endobj",
        "elf": b"\x7fELF" + bytes(200),
        "exe": b"MZ" + bytes(200),
        "mp4": b"\x00\x00\x00\x18ftypmp42" + bytes(100),
        "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30),
        "json": b'{"image": "ball"}',
        "python": b"import os; os.system('id')",
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix",
        "psd": b"8BPS\x00\x01" + bytes(60),
        "ico": b"\x00\x00\x01\x00\x01\x00" + bytes(60),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "zeros": bytes(5_000),
        "ff": b"\xff" * 5_000,
        "utf-16": "ball".encode("utf-16"),
    }
    for name, data in contents.items():
        yield name, f"{name}.jpg", data, {NO_PICTURE}


def text_with_scripts() -> Iterator[Upload]:
    script = "<script>alert(1)</script>"
    texts = {
        "svg": f"<svg xmlns='http://www.w3.org/2000/svg'>{script}</svg>",
        "svg onload": "<svg onload='alert(1)'/>",
        "html": f"<!doctype html><html>{script}</html>",
        "xml entities": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        "billion laughs": "<!DOCTYPE a [<!ENTITY b '" + "ha" * 1000 + "'>]><a>" + "&b;" * 1000,
        "php": "<?php system($_GET['c']); ?>",
    }
    for name, text in texts.items():
        yield name, "picture.png", text.encode(), {NO_PICTURE}


def archives() -> Iterator[Upload]:
    for count in (1, 10):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for i in range(count):
                zipped.writestr(f"{i}.jpg", bytes(1_000_000))
        yield f"zip bomb of {count}", "bomb.jpg", archive.getvalue(), {NO_PICTURE}
    yield "deflate bomb", "bomb.png", zlib.compress(bytes(5_000_000)), {NO_PICTURE}
    yield "gzip", "a.jpg", b"\x1f\x8b\x08" + bytes(50), {NO_PICTURE}


def png(width: int, height: int, pixels: bytes = b"", *chunks: bytes) -> bytes:
    """A PNG file with any header that one likes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_dimensions() -> Iterator[Upload]:
    for width, height in (
        (65_000, 65_000),
        (2**31 - 1, 1),
        (2**31 - 1, 2**31 - 1),
        (100_000, 9_000),
    ):
        yield f"PNG {width} x {height}", "huge.png", png(width, height), {NO_PICTURE, TOO_LARGE}
    for width, height in ((0, 0), (0, 10), (10, 0)):
        yield f"PNG {width} x {height}", "flat.png", png(width, height), {NO_PICTURE}
    gif = bytearray(picture(form="GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield "GIF 65,535 a side", "huge.gif", bytes(gif), {NO_PICTURE, TOO_LARGE}
    bmp = bytearray(picture(form="BMP"))
    for width, height in ((60_000, 60_000), (-5, 5), (2**31 - 1, 2**31 - 1)):
        bmp[18:26] = struct.pack("<ii", width, height)
        yield f"BMP {width} x {height}", "huge.bmp", bytes(bmp), {NO_PICTURE, TOO_LARGE}
    jpeg = bytearray(picture(form="JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    yield "JPEG 65,500 a side", "huge.jpg", bytes(jpeg), {NO_PICTURE, TOO_LARGE}


def bombs() -> Iterator[Upload]:
    """Small files that unfold to more pixels than are taken."""
    for side in (9_000, 12_000):
        encoded = io.BytesIO()
        Image.new("1", (side, side)).save(encoded, "PNG")
        yield f"PNG bomb of {side}", "bomb.png", encoded.getvalue(), {TOO_LARGE}
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "a" * 2_000_000, zip=True)
    encoded = io.BytesIO()
    Image.new("RGB", (8, 8)).save(encoded, "PNG", pnginfo=text)
    yield "PNG with a text bomb", "text.png", encoded.getvalue(), {FINE, NO_PICTURE}


def polyglots() -> Iterator[Upload]:
    """A picture's first bytes, then something else; or a whole picture with something behind it."""
    tails = {
        "html": b"<html><script>alert(1)</script></html>",
        "zip": b"PK\x03\x04" + bytes(60),
        "php": b"<?php system('id'); ?>",
        "javascript": b"=1;alert(1)//",
    }
    starts = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00")
    for name, tail in tails.items():
        for start in starts:
            label = f"{start[:3]!r} then {name}"
            yield label, "poly.jpg", start + tail, {NO_PICTURE, TOO_LARGE}
        for form in ("JPEG", "PNG", "GIF"):
            yield f"{form} followed by {name}", "poly.jpg", picture(form=form) + tail, {FINE}


def flipped_bits() -> Iterator[Upload]:
    """Damage anywhere: a decoder may forgive it or not, but nothing worse may happen."""
    chance = random.Random(5)
    for form in FORMS:
        whole = photo(form)
        for i in range(7):
            damaged = bytearray(whole)
            for _ in range(40):
                damaged[chance.randrange(12, len(damaged))] ^= 1 << chance.randrange(8)
            yield f"{form} damaged {i}", "bits.bin", bytes(damaged), {FINE, NO_PICTURE, TOO_LARGE}


def tiff_directories() -> Iterator[Upload]:
    for count in (50, 5_000):
        pages = b"".join(
            struct.pack("<HI", 0, 8 + 6 * (i + 1)) if i + 1 < count else struct.pack("<HI", 0, 0)
            for i in range(count)
        )
        yield f"TIFF of {count} directories", "deep.tif", b"II*\0\x08\0\0\0" + pages, {NO_PICTURE}
    loop = b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8)
    yield "TIFF that points at itself", "loop.tif", loop, {NO_PICTURE}
    far = b"MM\0*" + struct.pack(">I", 2**32 - 1)
    yield "TIFF that points beyond its end", "far.tif", far, {NO_PICTURE}
    entries = struct.pack("<H", 65_535) + bytes(200)
    yield "TIFF of 65,535 entries", "many.tif", b"II*\0\x08\0\0\0" + entries, {NO_PICTURE}


def odd_but_valid() -> Iterator[Upload]:
    """Unusual pictures that have to work."""
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        encoded = io.BytesIO()
        Image.new(mode, (20, 20)).save(encoded, "PNG")
        yield f"PNG in mode {mode}", "odd.png", encoded.getvalue(), {FINE}
    encoded = io.BytesIO()
    Image.new("CMYK", (20, 20)).save(encoded, "JPEG")
    yield "JPEG in CMYK", "cmyk.jpg", encoded.getvalue(), {FINE}
    frames = [Image.new("RGB", (20, 20), (i, 0, 0)) for i in range(40)]
    animated = io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:])
    yield "GIF of 40 frames", "film.gif", animated.getvalue(), {FINE}
    yield "a single pixel", "dot.png", picture(size=(1, 1)), {FINE}
    yield "a long stripe", "stripe.png", picture(size=(6_000, 1)), {FINE}


def noise() -> Iterator[Upload]:
    chance = random.Random(7)
    for i in range(30):
        yield f"noise {i}", "noise.jpg", b"\x01" + chance.randbytes(1 + i * 300), {NO_PICTURE}
