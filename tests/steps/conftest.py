"""What the tests of sources and of ingest share."""

import pytest


@pytest.fixture
def source(tmp_path):
    """A folder of two categories; its files are no pictures, which neither module minds."""
    folder = tmp_path / "source"
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder
