"""Pictures as they come in: read from the request, cleaned, and turned away where hopeless."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256

from flask import Request
from werkzeug.datastructures import FileStorage

from history_service.errors import Problem
from history_service.scoring_errors import PictureRefused

LONGEST_FILENAME = 255  # characters
# Marks that turn the direction of text: a name could look like another one.
_DIRECTION_MARKS = dict.fromkeys(
    [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,200}")

# Media type, first bytes, bytes from the eighth on, of every format that the model may read.
_SIGNATURES: tuple[tuple[str, bytes, bytes], ...] = (
    ("image/jpeg", b"\xff\xd8\xff", b""),
    ("image/png", b"\x89PNG\r\n\x1a\n", b""),
    ("image/gif", b"GIF87a", b""),
    ("image/gif", b"GIF89a", b""),
    ("image/webp", b"RIFF", b"WEBP"),
    ("image/bmp", b"BM", b""),
    ("image/tiff", b"II*\0", b""),
    ("image/tiff", b"MM\0*", b""),
)
MEDIA_TYPES = tuple(dict.fromkeys(media_type for media_type, *_ in _SIGNATURES))


@dataclass(frozen=True)
class Upload:
    """One picture of a request. part: its place among them, from 0."""

    filename: str
    data: bytes
    media_type: str
    sha256: str
    part: int
    idempotency_key: str | None


@dataclass(frozen=True)
class Refused:
    """A part of a request that is clearly not a picture to classify."""

    filename: str
    reason: Exception


def read_uploads(
    request: Request, client: str | None, max_bytes: int, max_pictures: int
) -> list[Upload | Refused]:
    """The parts named `img`, in order. Raises Problem where the request as a whole is no good.

    client: the name of its API key, under which its Idempotency-Key counts; None without one.
    """
    if request.mimetype != "multipart/form-data":
        raise Problem(
            415, "not_multipart", "Send the picture as multipart/form-data in a field named img."
        )
    key = _idempotency_key(request, client)
    files = [file for file in request.files.getlist("img") if file.filename or _size(file)]
    if not files:
        raise Problem(400, "no_image", "No picture: send one as a file in the form field img.")
    if len(files) > max_pictures:
        raise Problem(413, "too_many_pictures", f"At most {max_pictures} pictures in a request.")
    return [_read_upload(file, part, key, max_bytes) for part, file in enumerate(files)]


def _read_upload(file: FileStorage, part: int, key: str | None, max_bytes: int) -> Upload | Refused:
    filename = clean_filename(file.filename or "")
    size = _size(file)
    if size > max_bytes:
        detail = f"The picture has {size:,} bytes; at most {max_bytes:,} are taken."
        return Refused(filename, Problem(413, "too_many_bytes", detail))
    data = file.read()
    file.close()  # a large one lay in a temporary file, which may be in memory too
    media_type = sniff(data)
    if media_type is None:
        return Refused(filename, PictureRefused("not_an_image" if data else "empty"))
    return Upload(filename, data, media_type, sha256(data).hexdigest(), part, key)


def _size(file: FileStorage) -> int:
    """Bytes of a part, without reading it."""
    size = file.stream.seek(0, 2)
    file.stream.seek(0)
    return size


def _idempotency_key(request: Request, client: str | None) -> str | None:
    """As it is stored: another client's key of the same text is another key."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY_PATTERN.fullmatch(key):
        raise Problem(
            422, "invalid_parameter", "Idempotency-Key: 1 to 200 visible ASCII characters."
        )
    if key is None or client is None:
        return key
    # A digest fits the column, however long both are; its blank is in no key that is sent.
    return "client " + sha256(f"{client}\0{key}".encode()).hexdigest()


def sniff(data: bytes) -> str | None:
    """The media type that the first bytes tell, None where they are no picture's."""
    for media_type, start, at_8 in _SIGNATURES:
        if data.startswith(start) and data.startswith(at_8, 8):
            return media_type
    return None


def clean_filename(name: str) -> str:
    """A name to show and store: no folders, no control characters, any language, never empty."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp"))
    return name.translate(_DIRECTION_MARKS).strip()[:LONGEST_FILENAME] or "unnamed"
