"""Builds and runs the images for real, by buildah and podman, as one small machine allows it.

The bases are put together here from Debian's packages, and stand for those that the Dockerfiles
name by digest: no registry of images is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import urllib3
import yaml

ROOT = Path(__file__).parents[2]
NEEDED = ("buildah", "podman", "runc", "mmdebstrap")
MIRROR = "http://deb.debian.org/debian"
PYTHON_BASE, LIBRARY_BASE = "localhost/test-python-base", "localhost/test-library-base"
NAMES = {
    "model": "localhost/sports-ball-test-model",
    "history": "localhost/sports-ball-test-history",
    "tracking": "localhost/sports-ball-test-tracking",
}
TAG = "0.1.0-test"
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

CONFINED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"),
    *("--security-opt", "no-new-privileges", "--network", "host"),
)
SERVICES = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]


FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 20_000)
RUN = (
    *("podman", "--runtime", "runc", "run", *CONFINED),
    # podman would raise these, which a confined machine may not.
    *("--ulimit", f"nofile={FILES}:{FILES}", "--ulimit", "nproc=4096:4096"),
)


def missing() -> list[str]:
    """Programs that are not here."""
    return [name for name in NEEDED if shutil.which(name) is None]


def call(*command: str | Path, **options) -> str:
    """What a command prints. Raises CalledProcessError, with what it said, where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        env=ENVIRONMENT,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    if done.returncode:
        raise RuntimeError(f"{command[:3]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def has_image(name: str) -> bool:
    return (
        subprocess.run(
            ["buildah", "inspect", "--type", "image", name],
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )


def make_bases(folder: Path) -> None:
    """The two bases, where a run before did not leave them."""
    if not has_image(LIBRARY_BASE):
        packages = "base-files,netbase,tzdata,ca-certificates,libc6,libgcc-s1,libstdc++6"
        bootstrap(folder / "library.tar", "extract", f"{packages},libssl3t64,libgomp1", "trixie")
        commit(LIBRARY_BASE, folder / "library.tar", None)
    if not has_image(PYTHON_BASE):
        packages = "python3.11,python3.11-venv,ca-certificates"
        bootstrap(folder / "python.tar", "minbase", packages, "bookworm")
        commit(PYTHON_BASE, folder / "python.tar", move_python)


def bootstrap(target: Path, variant: str, packages: str, release: str) -> None:
    options = (f"--variant={variant}", f"--include={packages}", "--quiet")
    call("mmdebstrap", *options, release, target, MIRROR)


def commit(name: str, archive: Path, change) -> None:
    """An image with the archive as its root, changed by `change`."""
    container = call("buildah", "from", "scratch").strip()
    call("buildah", "add", "-q", container, archive, "/")
    if change:
        change(container, Path(call("buildah", "mount", container).strip()))
    call("buildah", "commit", "-q", container, name)
    call("buildah", "rm", container)


def move_python(container: str, root: Path) -> None:
    """Debian's Python where the official image has its own, and this machine's certificates."""
    shutil.copy2(root / "usr/bin/python3.11", root / "usr/local/bin/python3.11")
    library = root / "usr/local/lib/python3.11"  # there already, with an empty folder for packages
    shutil.copytree(root / "usr/lib/python3.11", library, symlinks=True, dirs_exist_ok=True)
    (root / "usr/local/bin/python3").symlink_to("python3.11")
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.is_file():
        shutil.copy(certificates, root / certificates.relative_to("/"))
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    settings = (f"--env=PIP_CERT={certificates}", f"--env=PATH={path}")
    call("buildah", "config", *settings, container)


def flags() -> str:
    """For every build: the bases made here, layers of a run before, this machine's index."""
    chosen = f"--layers --build-arg PYTHON_IMAGE={PYTHON_BASE}"
    has_index = Path("/etc/pip.conf").is_file()
    return f"{chosen} --secret id=pip,src=/etc/pip.conf" if has_index else chosen


def build_tracking() -> None:
    """The image that compose builds for its profile `tracking`."""
    command = f"buildah build --format docker -f docker/tracking.Dockerfile {flags()}"
    call(*command.split(), "-t", image("tracking"), ".")


def build_images() -> None:
    """`make images`."""
    given = f"FLAGS={flags()} --build-arg BASE_IMAGE={LIBRARY_BASE}"
    repository = "REPOSITORY=localhost/sports-ball-test"
    call("make", "images", "ENGINE=buildah", repository, f"TAG={TAG}", given)


def image(name: str) -> str:
    return f"{NAMES[name]}:{TAG}"


def memory_of(name: str) -> str:
    """What compose gives the container, and Kubernetes too."""
    return SERVICES[name]["deploy"]["resources"]["limits"]["memory"]


def inspect(name: str) -> dict:
    return json.loads(call("podman", "image", "inspect", image(name)))[0]


class Container:
    """A running container; podman is asked about it by its id."""

    def __init__(self, name: str, *arguments: str, **environment: str) -> None:
        settings = [part for k, v in environment.items() for part in ("--env", f"{k}={v}")]
        options, command = list(arguments), []
        if "--" in options:
            options, command = options[: options.index("--")], options[options.index("--") + 1 :]
        self.id = call(
            *(*RUN, "--memory", memory_of(name), "--detach", *settings, *options),
            *(image(name), *command),
        ).strip()

    def logs(self) -> str:
        done = subprocess.run(
            ["podman", "logs", self.id],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def state(self) -> dict:
        return json.loads(call("podman", "inspect", self.id))[0]["State"]

    def stop(self, seconds: int) -> float:
        """SIGTERM, and SIGKILL after `seconds`; returns the seconds that it took."""
        begun = time.monotonic()
        call("podman", "stop", "--time", str(seconds), self.id)
        return time.monotonic() - begun

    def wait_for(self, url: str, seconds: float = 120.0) -> float:
        """Seconds until a URL answers 200. Raises TimeoutError with the container's log."""
        pool, begun = urllib3.PoolManager(retries=False, timeout=2.0), time.monotonic()
        while time.monotonic() - begun < seconds:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                if pool.request("GET", url).status == 200:
                    return time.monotonic() - begun
            time.sleep(0.1)
        raise TimeoutError(f"{url} does not answer; the container said:\n{self.logs()[-3000:]}")


@contextlib.contextmanager
def running(name: str, *arguments: str, **environment: str) -> Iterator[Container]:
    """A container that is gone when the block is left."""
    container = Container(name, *arguments, **environment)
    try:
        yield container
    finally:
        with contextlib.suppress(RuntimeError):
            call("podman", "rm", "--force", "--time", "1", container.id)
