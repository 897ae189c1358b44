"""Archives for the tests: honest ones, and ones that no person would pack."""

import io
import tarfile
import zipfile
from pathlib import Path

KINDS = {".zip": None, ".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz"}


def pack(folder: Path, archive: Path, top: str = "") -> Path:
    """Pack the files below a folder into a .zip or .tar…, below `top` where that is given."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    names = [(p, (Path(top) / p.relative_to(folder)).as_posix()) for p in files]
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path, name in names:
                file.write(path, name)
    else:
        with tarfile.open(archive, KINDS["".join(archive.suffixes)]) as file:
            for path, name in names:
                file.add(path, name)
    return archive


def zip_of(archive: Path, entries: dict[str, bytes], compression: int = 0) -> Path:
    """A zip of entries by name, whatever the names are."""
    with zipfile.ZipFile(archive, "w", compression) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return archive


def tar_of(archive: Path, entries: dict[str, bytes], more: list[tarfile.TarInfo] = ()) -> Path:
    """A tar of entries by name, whatever the names are, and of entries that are no files."""
    with tarfile.open(archive, "w") as file:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
        for info in more:
            file.addfile(info)
    return archive


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A link, a device or a pipe in a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info
