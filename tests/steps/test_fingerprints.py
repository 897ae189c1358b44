"""Fingerprints: the same picture is found however it was saved, another one is not."""

import io

import numpy as np
import pytest
from drawing import encoded, photograph
from PIL import Image, ImageEnhance

from steps.sample import CATEGORIES, render
from steps.served_model.pictures import decode
from steps.shared.fingerprints import fingerprints, group, similar_pairs

SIZE = 64


def squares(*pictures: Image.Image) -> np.ndarray:
    return np.stack([decode(encoded(picture), SIZE) for picture in pictures])


def pairs_of(images: np.ndarray, **options) -> set[tuple[int, int]]:
    found = similar_pairs(fingerprints(images), **options)
    return {(int(i), int(j)) for rows, columns in found for i, j in zip(rows, columns, strict=True)}


def ball(seed: int = 0, category: str = "football") -> Image.Image:
    return render(category, np.random.default_rng(seed), 192)


def recompressed(picture: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, "JPEG", quality=40)))


COPIES = {
    "resized": lambda p: p.resize((97, 97)),
    "recompressed": recompressed,
    "brightened": lambda p: ImageEnhance.Brightness(p).enhance(1.15),
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "mirrored and recompressed": lambda p: recompressed(
        p.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    ),
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("picture", [ball(), ball(3, "tennis_ball"), photograph()])
def test_a_copy_is_found(make, picture):
    assert pairs_of(squares(picture, make(picture))) == {(0, 1)}


def test_different_balls_are_different_pictures():
    pictures = [ball(20 * seed + i, name) for i, name in enumerate(CATEGORIES) for seed in range(4)]

    assert not pairs_of(squares(*pictures))


def test_plain_pictures_resemble_nothing():
    plain = [Image.new("RGB", (SIZE, SIZE), colour) for colour in ("red", "red", "navy", "white")]

    images = squares(*plain)

    assert not fingerprints(images).any()
    assert not pairs_of(images)


def test_fingerprints_have_unit_length():
    lengths = np.linalg.norm(fingerprints(squares(ball(), photograph())), axis=1)

    assert np.allclose(lengths, 1, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_the_answer_does_not_depend_on_chunks(chunk):
    pictures = [ball(seed) for seed in range(8)]
    images = squares(*pictures, *[recompressed(p) for p in pictures[2:5]])

    assert np.allclose(fingerprints(images, chunk), fingerprints(images), atol=1e-5)
    assert pairs_of(images, chunk=chunk) == {(2, 8), (3, 9), (4, 10)}


def test_no_pictures_have_no_fingerprints():
    prints = fingerprints(np.zeros((0, SIZE, SIZE, 3), np.uint8))

    assert len(prints) == 0
    assert prints.shape[1] == fingerprints(squares(ball())).shape[1]


def test_groups_are_what_pairs_connect():
    pairs = [(np.array([0, 1]), np.array([1, 4])), (np.array([2]), np.array([5]))]

    numbers = group(pairs, 6)

    assert numbers[0] == numbers[1] == numbers[4]
    assert numbers[2] == numbers[5]
    assert len(set(numbers.tolist())) == 3


def test_without_pairs_every_picture_is_a_group():
    assert len(set(group([], 4).tolist())) == 4
