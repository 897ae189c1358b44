"""Writes what an image holds as a CycloneDX 1.6 document, into the image: /usr/share/sbom/."""

import json
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote


def python_packages() -> Iterator[dict]:
    """The distributions of the environment that runs this."""
    for found in distributions():
        name = found.metadata["Name"].lower().replace("_", "-")
        yield component(name, found.version, f"pkg:pypi/{name}@{found.version}")


def debian_packages(root: Path) -> Iterator[dict]:
    """The Debian packages whose records lie below a root: one file each, or one file for all."""
    folder = root / "var" / "lib" / "dpkg"
    for record in [folder / "status", *sorted((folder / "status.d").glob("*"))]:
        if not record.is_file() or record.suffix == ".md5sums":
            continue
        for stanza in record.read_text(errors="replace").split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line[:40])
            if "Package" in fields and "Version" in fields:
                name, version = fields["Package"], fields["Version"]
                yield component(name, version, f"pkg:deb/debian/{name}@{quote(version, safe='')}")


def component(name: str, version: str, purl: str) -> dict:
    """One entry of the document; the purl is what vulnerability scanners look up."""
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def document(name: str, version: str, roots: list[Path]) -> dict:
    """The whole document, the same for the same contents: no time, no random number."""
    python = platform.python_version()
    found = [component("python", python, f"pkg:generic/python@{python}"), *python_packages()]
    for root in roots:
        found.extend(debian_packages(root))
    unique = {entry["purl"]: entry for entry in found}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "bom-ref": name, "name": name, "version": version}
        },
        "components": [unique[purl] for purl in sorted(unique)],
    }


def main() -> None:
    """sbom.py NAME VERSION BASE RUNTIME"""
    name, version, base, runtime = sys.argv[1:]
    target = Path(runtime) / "usr" / "share" / "sbom" / f"{name}.cdx.json"
    target.parent.mkdir(parents=True)
    text = json.dumps(document(name, version, [Path(base), Path(runtime)]), indent=1)
    target.write_text(text + "\n")


if __name__ == "__main__":
    main()
