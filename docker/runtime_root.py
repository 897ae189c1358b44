"""Lays out the root of an image that has Python and nothing else: no shell, no package manager.

Runs in the build stage of both Dockerfiles. What it writes below --out is copied onto a base of
C libraries: the interpreter, its standard library, the shared libraries that the base lacks, the
virtual environment, and bytecode of the modules that the program really imports.
"""

import argparse
import importlib
import py_compile
import re
import shutil
import subprocess
import sys
from pathlib import Path

UNUSED = (
    *("config-*", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages"),
    *("dist-packages", "test", "tkinter", "turtledemo", "__pycache__"),
    *("_curses*.so", "_dbm*.so", "_gdbm*.so", "_tkinter*.so", "nis*.so", "readline*.so"),
)
"""Parts of the standard library that no service needs, and that link to more libraries."""
UNUSED_OF_PACKAGES = ("__pycache__", "testing", "tests", "*.pyx", "*.pxd", "*.h", "[Aa]ctivate*")


def copy_python(out: Path) -> None:
    """The interpreter and its standard library, at the place where they are now."""
    prefix = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = out / prefix.relative_to("/")
    shutil.copytree(
        prefix / "lib" / name, target / "lib" / name, ignore=shutil.ignore_patterns(*UNUSED)
    )
    (target / "bin").mkdir()
    shutil.copy2(prefix / "bin" / name, target / "bin" / name)
    (target / "bin" / "python3").symlink_to(name)


def copy_packages(out: Path) -> None:
    """The virtual environment that runs this, at the place where it is now."""
    venv = Path(sys.prefix)
    ignore = shutil.ignore_patterns(*UNUSED_OF_PACKAGES)
    shutil.copytree(venv, out / venv.relative_to("/"), symlinks=True, ignore=ignore)


def copy_libraries(out: Path, base: Path) -> None:
    """Shared libraries that Python links to and the base lacks, and their packages' records.

    The records go where the base has its own, so that scanners see these packages too.
    """
    there = {path.name for path in base.rglob("*.so*")} | {path.name for path in out.rglob("*.so*")}
    for library in sorted(linked(out)):
        if library.name in there:
            continue
        # Debian's loader looks into /usr/lib without a cache, which this base does not have.
        folder = out / "usr" / "lib" / library.parent.name
        if library.is_relative_to(sys.base_prefix):
            folder = out / library.parent.relative_to("/")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, folder / library.name)
        record_package(library, out / "var" / "lib" / "dpkg" / "status.d")


def linked(out: Path) -> set[Path]:
    """All shared libraries that the copied programs and modules link to, as found here.

    Raises RuntimeError where one is found nowhere.
    """
    files = [path for path in out.rglob("*.so*") if path.is_file()]
    files += [path for path in out.rglob("bin/python3.*") if not path.is_symlink()]
    command = ["ldd", *map(str, files)]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    if missing := set(re.findall(r"(\S+) => not found", listing)):
        raise RuntimeError(f"libraries that are nowhere: {', '.join(sorted(missing))}")
    return {Path(path) for path in re.findall(r"=> (/\S+)", listing)}


def record_package(library: Path, folder: Path) -> None:
    """Keep what dpkg knows of the package that a library came from."""
    found = subprocess.run(
        ["dpkg", "--search", f"*/{library.name}"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        return  # Python's own library, which no package brought
    package = found.stdout.split(": ")[0]
    status = subprocess.run(["dpkg", "--status", package], capture_output=True, check=True).stdout
    folder.mkdir(parents=True, exist_ok=True)
    (folder / package.split(":")[0]).write_bytes(status)


def compile_imported(out: Path, modules: list[str]) -> None:
    """Bytecode of all that importing the program's modules imports.

    A read-only root could not keep it, and compiling at every start takes seconds; bytecode of
    everything would be a third of the image. It is not checked against the source's time, which
    an image's layers may round.
    """
    for module in modules:
        importlib.import_module(module)
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for file in sorted(path for path in files if path and path.endswith(".py")):
        target = out / Path(file).relative_to("/")
        if target.is_file():
            unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(target), dfile=file, doraise=True, invalidation_mode=unchecked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="a copy of the base's root")
    parser.add_argument("--out", type=Path, required=True, help="where the new root is laid out")
    parser.add_argument("modules", nargs="*", help="what the program imports")
    args = parser.parse_args()
    copy_python(args.out)
    copy_packages(args.out)
    copy_libraries(args.out, args.base)
    compile_imported(args.out, args.modules)


if __name__ == "__main__":
    main()
