"""Files far larger than photographs: never held in memory, and answered as decoding would."""

import hashlib
import os

import numpy as np
import pytest
from PIL import Image

from steps.ingest import take
from steps.served_model.pictures import LIMITS, PictureError, open_picture
from steps.shared import arrays, photo_file, scorer

HUGE = 2**40
"""Bytes of a file that is all hole: no machine could hold it."""


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.jpg"
    path.touch()
    os.truncate(path, HUGE)
    return path


def test_what_is_too_large_is_answered_as_decoding_it_would_be(tmp_path):
    (tmp_path / "1.jpg").write_bytes(bytes(LIMITS.max_bytes + 1))

    with pytest.raises(PictureError) as read:
        photo_file.read(tmp_path / "1.jpg")
    with pytest.raises(PictureError) as decoded:
        open_picture((tmp_path / "1.jpg").read_bytes())

    assert (read.value.code, str(read.value)) == (decoded.value.code, str(decoded.value))


def test_what_is_as_large_as_may_be_is_read(tmp_path):
    (tmp_path / "1.jpg").write_bytes(bytes(LIMITS.max_bytes))

    assert len(photo_file.read(tmp_path / "1.jpg")) == LIMITS.max_bytes


def test_a_file_is_copied_whole_whatever_its_size(tmp_path):
    data = np.random.default_rng(0).bytes(LIMITS.max_bytes + 5)
    (tmp_path / "a").mkdir()
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "a" / "1.avi").write_bytes(data)

    row = take(tmp_path, tmp_path / "out", (tmp_path / "a" / "1.avi").relative_to(tmp_path))

    assert (tmp_path / "out" / "a" / "1.avi").read_bytes() == data
    assert (row["sha256"], row["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert row["width"] == row["height"] == 0


def test_dataprep_rejects_it_unread(video, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")

    errors = arrays.decode_files(tmp_path, [video.name, "1.png"], tmp_path / "images.npy", 8, 1)

    assert {row: error.code for row, error in errors.items()} == {0: "too_many_bytes"}


def test_a_row_of_scores_says_it(house, video):
    answer, fine = scorer.score(house.model, [video, next(house.ingest.rglob("*.jpg"))])

    assert answer["error"]["code"] == "too_many_bytes"
    assert f"{HUGE:,} bytes" in answer["error"]["message"]
    assert fine["error"] is None
