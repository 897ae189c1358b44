"""The sample data: drawn on the spot, the same bytes every time, every kind of ball."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steps.sample import CATEGORIES, render, render_non_ball, write_sample
from steps.sample.__main__ import main

SIZE = 48


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, per_category=3, seed=5, size=SIZE, workers=1)
    return folder


def test_there_are_fifteen_categories_in_alphabetical_order():
    assert len(set(CATEGORIES)) == 15
    assert list(CATEGORIES) == sorted(CATEGORIES)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("size", [16, 65, 192])
def test_every_category_renders_at_every_size(category, size):
    image = render(category, rng(), size)

    assert image.mode == "RGB"
    assert image.size == (size, size)
    assert pixels(image).std() > 5, "a picture shows something"


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_same_generator_gives_the_same_picture(category):
    assert render(category, rng(3), SIZE).tobytes() == render(category, rng(3), SIZE).tobytes()


@pytest.mark.parametrize("category", CATEGORIES)
def test_pictures_of_a_category_vary(category):
    generator = rng(1)

    pictures = {render(category, generator, SIZE).tobytes() for _ in range(6)}

    assert len(pictures) == 6


def test_categories_differ_from_the_same_seed():
    pictures = [pixels(render(category, rng(2), SIZE)) for category in CATEGORIES]

    gaps = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]

    assert min(gaps) > 5


def test_an_unknown_category_is_named():
    with pytest.raises(ValueError, match=r"'tuba'.*american_football"):
        render("tuba", rng())


def test_a_size_that_shows_nothing_is_refused():
    with pytest.raises(ValueError, match="size 8 is too small"):
        render("football", rng(), size=8)


def test_a_sample_is_one_folder_a_category_of_numbered_jpegs(sample):
    for category in CATEGORIES:
        names = sorted(path.name for path in (sample / category).iterdir())
        assert names == [f"{category}-5-{number:04d}.jpg" for number in (1, 2, 3)]
    with Image.open(sample / "football" / "football-5-0001.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (SIZE, SIZE))


def test_a_sample_is_the_same_bytes_with_more_workers(sample, tmp_path):
    count = write_sample(tmp_path, per_category=3, seed=5, size=SIZE, workers=2)

    assert count == 45
    assert contents(tmp_path) == contents(sample)


def test_a_larger_sample_begins_with_the_smaller_one(sample, tmp_path):
    write_sample(tmp_path, per_category=1, seed=5, size=SIZE, workers=1)

    assert contents(tmp_path).items() <= contents(sample).items()


def test_another_seed_gives_other_pictures(sample, tmp_path):
    write_sample(tmp_path, per_category=1, seed=6, size=SIZE, workers=1)

    assert not set(contents(tmp_path).values()) & set(contents(sample).values())


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path, monkeypatch):
    def save_half(image, path, *_, **__):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", save_half)

    with pytest.raises(OSError, match="disk full"):
        write_sample(tmp_path, per_category=1, seed=0, size=SIZE, workers=1)
    assert not list(tmp_path.rglob("*.jpg"))


@pytest.mark.parametrize(("per_category", "seed"), [(-1, 0), (1, -1)])
def test_a_negative_count_or_seed_is_refused(tmp_path, per_category, seed):
    with pytest.raises(ValueError, match="must be 0 or more"):
        write_sample(tmp_path, per_category, seed)


def test_an_empty_sample_writes_nothing(tmp_path):
    assert write_sample(tmp_path, per_category=0, seed=0) == 0
    assert not contents(tmp_path)


def test_pictures_without_a_ball_vary_and_repeat():
    pictures = [render_non_ball(rng(seed), SIZE) for seed in range(30)]

    assert {(image.mode, image.size) for image in pictures} == {("RGB", (SIZE, SIZE))}
    assert len({image.tobytes() for image in pictures}) == 30
    assert render_non_ball(rng(7), SIZE).tobytes() == pictures[7].tobytes()


def test_the_command_writes_a_contact_sheet(tmp_path):
    main(["--sheet", str(tmp_path / "sheet.png"), "--columns", "2", "--size", "32"])

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height > 15 * 32


def test_the_command_writes_a_sample(tmp_path, capsys):
    flags = ["--per-category", "1", "--size", "16", "--workers", "1"]

    main(["--out", str(tmp_path), *flags])

    assert "15 pictures" in capsys.readouterr().out


def test_the_command_says_how_to_use_it_where_nothing_is_asked(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "--sheet FILE" in capsys.readouterr().err
