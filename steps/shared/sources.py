"""Where photographs come from: a folder, an archive, Kaggle. Each ends as a plain folder."""

import hashlib
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from steps.shared.stage import StageError

MAX_FILES = 2_000_000
MAX_UNPACKED_BYTES = 200 * 1024**3
MAX_RATIO = 100
"""Unpacked over packed bytes; photographs hardly compress, a bomb does by the thousand."""
RATIO_COUNTS_FROM = 50 * 1024**2
"""Bytes below which a high ratio harms nobody."""
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # zipfile's for a locked archive
)
"""What Python's archive modules raise for archives that are damaged, unsafe or locked."""


def locate(source: str, scratch: Path) -> Path:
    """Find or unpack `source` and return the folder that holds the category folders.

    source: a folder, a .zip, .tar, .tar.gz, .tgz, .tar.bz2 or .tar.xz, or
    kaggle:OWNER/DATASET[/FOLDER]. scratch: an empty folder for what is unpacked.
    Raises StageError with what is wrong and what to do.
    """
    if source.startswith("kaggle:"):
        return from_kaggle(source.removeprefix("kaggle:"))
    path = Path(source)
    if path.is_dir():
        return path
    if not path.exists():
        raise StageError(f"--source {source} does not exist: name a folder, a .zip or a .tar.")
    if zipfile.is_zipfile(path):
        unzip(path, scratch)
    elif tarfile.is_tarfile(path):
        untar(path, scratch)
    else:
        raise StageError(f"--source {source} is neither a folder nor a .zip or .tar archive.")
    return innermost(scratch)


def from_kaggle(handle: str) -> Path:
    """Download OWNER/DATASET by kagglehub, which keeps a cache of its own.

    Raises StageError where the package, the network or the credentials are missing.
    """
    owner, _, rest = handle.partition("/")
    name, _, inner = rest.partition("/")
    if not owner or not name:
        raise StageError(f"kaggle:{handle} lacks a part: write kaggle:OWNER/DATASET.")
    try:
        import kagglehub  # only here: nobody else needs it

        folder = Path(kagglehub.dataset_download(f"{owner}/{name}"))
    except ImportError as error:
        raise StageError("kaggle: needs the package kagglehub: pip install kagglehub.") from error
    except Exception as error:
        raise StageError(
            f"kaggle:{handle} could not be downloaded ({type(error).__name__}). Check the name "
            "and the network; private data needs KAGGLE_USERNAME and KAGGLE_KEY, or "
            "~/.kaggle/kaggle.json."
        ) from error
    return folder / inner if inner else innermost(folder)


def unzip(archive: Path, folder: Path) -> None:
    """Unpack a zip; refuses names that leave the folder, links, and bombs, before writing."""
    try:
        with zipfile.ZipFile(archive) as file:
            entries = [entry for entry in file.infolist() if not entry.is_dir()]
            _check(archive, folder, [(e.filename, e.file_size) for e in entries])
            file.extractall(folder, entries)  # noqa: S202 - checked, and zipfile keeps inside  # nosec B202
    except DAMAGED as error:
        raise StageError(f"{archive} is damaged or locked: {error}.") from error


def untar(archive: Path, folder: Path) -> None:
    """Unpack a tar, compressed or not: plain files inside the folder (PEP 706), and hard links
    between them. Refuses other links, names that leave the folder, and bombs, before writing."""
    try:
        with tarfile.open(archive) as file:
            entries = _files(archive, file)
            _check(archive, folder, [(entry.name, size) for entry, size in entries])
            file.extractall(folder, [entry for entry, _ in entries], filter="data")
    except DAMAGED as error:
        raise StageError(f"{archive} is damaged or unsafe: {error}.") from error


def _files(archive: Path, file: tarfile.TarFile) -> list[tuple[tarfile.TarInfo, int]]:
    """The files of a tar, and the hard links to them, each with the bytes that a copy of it has.

    Raises StageError for links to anything else: photographs would be missing without a word.
    """
    sizes: dict[PurePosixPath, int] = {}
    found, lost = [], []
    for entry in file:
        path = PurePosixPath(entry.name)
        if entry.isfile() or (entry.islnk() and PurePosixPath(entry.linkname) in sizes):
            size = entry.size if entry.isfile() else sizes[PurePosixPath(entry.linkname)]
            sizes[path] = size
            found.append((entry, size))
        elif entry.islnk() or entry.issym():
            lost += [] if any(hidden(Path(part)) for part in path.parts) else [entry.name]
    if lost:
        raise StageError(
            f"{archive} holds links that are not followed: {len(lost):,}, first {lost[0]!r}. Pack "
            "the files that they lead to (tar --dereference)."
        )
    return found


def innermost(folder: Path) -> Path:
    """Step into a folder for as long as it holds nothing but one folder that holds folders."""
    while True:
        inside = [p for p in folder.iterdir() if not hidden(p)]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        if not any(p.is_dir() for p in inside[0].iterdir()):
            return folder
        folder = inside[0]


def hidden(path: Path) -> bool:
    """What file managers leave behind, and no photograph is."""
    return path.name.startswith(".") or path.name in (
        "Thumbs.db",
        "desktop.ini",
        "__MACOSX",
        "Icon\r",
    )


def free_space(folder: Path) -> int:
    """Bytes that can still be written to the disk of `folder`."""
    return shutil.disk_usage(folder).free


def _check(archive: Path, folder: Path, entries: list[tuple[str, int]]) -> None:
    for name, _ in entries:
        path = PurePosixPath(name.replace("\\", "/"))
        first = path.parts[0] if path.parts else ".."  # a name like "." is the folder itself
        if path.is_absolute() or ".." in (first, *path.parts) or ":" in first:
            raise StageError(f"{archive} holds {name!r}, which would leave the folder: refused.")
    total = sum(size for _, size in entries)
    ratio = total / max(archive.stat().st_size, 1)
    limit = min(MAX_UNPACKED_BYTES, free_space(folder))
    if (
        len(entries) > MAX_FILES
        or total > limit
        or (total > RATIO_COUNTS_FROM and ratio > MAX_RATIO)
    ):
        raise StageError(
            f"{archive} would unpack to {len(entries):,} files and {total:,} bytes "
            f"({ratio:.0f} times its size): refused as too large."
        )


def source_digest(source: str) -> str:
    """SHA-256 of what a source holds: names and contents of its categories' files, or a file's.

    The sample and Kaggle are known by their name; ingest's parameters say the rest.
    """
    path = Path(source)
    if source == "sample" or source.startswith("kaggle:") or not path.exists():
        return source
    # As deep as ingest looks, through links to folders as it does, which rglob would not follow.
    entries = [path] if path.is_file() else sorted([*path.glob("*"), *path.glob("*/*")])
    whole = hashlib.sha256()
    for entry in entries:
        whole.update(os.fsencode(entry.relative_to(path)) + b"\0")
        if entry.is_file():
            with entry.open("rb") as content:
                whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()
