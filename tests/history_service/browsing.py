"""The page in a real browser: Chromium itself, and what tests do with a page."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from contextlib import contextmanager
from pathlib import Path

import pytest

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@contextmanager
def chromium():
    """A running Chromium; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    # A busy machine may take longer than the five seconds that Playwright waits by itself.
    sync_api.expect.set_options(timeout=30_000)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def choose(page, *files: tuple[str, bytes]) -> None:
    chosen = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
    page.set_input_files("input[name=img]", chosen)


def expect(locator):
    return pytest.importorskip("playwright.sync_api").expect(locator)


def axe_source(folder: Path) -> str:
    """The source of axe-core, which looks for barriers; skips where npm cannot get it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here")
    command = [npm, "pack", "--silent", "axe-core@4"]
    environment = {**os.environ, "npm_config_fetch_retries": "0"}
    packed = subprocess.run(command, cwd=folder, check=False, env=environment, timeout=60)
    archives = list(folder.glob("*.tgz"))
    if packed.returncode != 0 or not archives:
        pytest.skip("axe-core cannot be had")
    with tarfile.open(archives[0]) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()
