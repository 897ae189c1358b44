"""Slices, spoilt pictures, strangers and the card: what evaluate says besides accuracy."""

import io

import numpy as np
import pandas as pd
import pytest
from drawing import encoded, photograph
from PIL import Image

from steps.served_model.pictures import decode
from steps.shared import card, slices
from steps.shared.corruptions import CORRUPTIONS, SIDE, corrupt, reduced
from steps.shared.strangers import strangers, to_learn_from

CLASSES = pd.DataFrame(
    {
        "category": ["a", "b"],
        "precision": [0.9, 0.8],
        "recall": [0.95, 0.6],
        "f1": [0.92, 0.7],
        "support": [20, 10],
    }
)
FIGURES = {
    "accuracy": 0.83,
    "accuracy_low": 0.7,
    "accuracy_high": 0.93,
    "macro_f1": 0.81,
    "top3_accuracy": 1.0,
    "calibration_error": 0.02,
    "calibration_error_by_chance": 0.01,
}


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_step_takes_a_picture_further_from_itself(name):
    data = encoded(photograph(256, 192))
    whole = opened(data)

    gaps = []
    for level in CORRUPTIONS[name].levels:
        worse = Image.fromarray(opened(corrupt(data, name, level)).astype(np.uint8))
        gaps.append(np.abs(np.asarray(worse.resize((256, 192))).astype(float) - whole).mean())

    assert gaps[0] > 0
    assert gaps[-1] > gaps[0]


def test_a_crop_keeps_its_share_and_noise_its_deviation():
    data = encoded(Image.new("RGB", (200, 100), (128, 128, 128)))

    assert opened(corrupt(data, "crop", 0.6)).shape == (60, 120, 3)
    assert opened(corrupt(data, "noise", 20)).std() == pytest.approx(20, rel=0.05)
    assert (corrupt(data, "noise", 20)) == corrupt(data, "noise", 20)


@pytest.mark.parametrize("change", [reduced, lambda data: corrupt(data, "JPEG", 50)])
def test_a_spoilt_picture_stands_upright(change):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photograph(64, 32), "JPEG", exif=exif)

    assert opened(change(data)).shape == (64, 32, 3)


def test_a_large_photograph_is_reduced_whole_and_a_small_one_left_as_it_is():
    small = encoded(photograph(64, 32))

    assert opened(reduced(encoded(photograph(2400, 1200), "JPEG"))).shape == (SIDE // 2, SIDE, 3)
    assert (opened(reduced(small)) == opened(small)).all()


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGBA", (32, 32), (200, 0, 0, 0)),
        Image.fromarray(np.full((32, 32), 40_000, np.uint16)),
    ],
    ids=["transparent", "16 bits"],
)
def test_what_is_spoilt_is_what_the_model_sees(picture):
    data = encoded(picture)

    seen = decode(data, 32)

    assert (decode(reduced(data), 32) == seen).all()
    assert np.abs(decode(corrupt(data, "JPEG", 90), 32) - seen.astype(float)).max() <= 1


def test_strangers_repeat_from_a_seed_and_are_of_every_kind():
    first, again, other = strangers(3, 1), strangers(3, 1), strangers(3, 2)

    assert first == again
    assert first != other
    assert {kind: len(pictures) for kind, pictures in first.items()} == {
        "things": 3,
        "textures": 3,
        "plain": 3,
    }
    assert all(
        opened(picture).std() == 0 or opened(picture).std((0, 1)).max() == 0
        for picture in first["plain"]
    )


def test_what_is_learned_from_is_not_what_is_measured_on():
    learned = to_learn_from(9, 1, 32)

    measured = [decode(picture, 32) for kind in strangers(3, 1).values() for picture in kind]
    assert learned.shape == (9, 32, 32, 3)
    assert not any((a == b).all() for a in learned for b in measured)
    assert (to_learn_from(9, 1, 32) == learned).all()


@pytest.fixture
def described(tmp_path):
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(12)], "group": [0, 0, *range(2, 12)]})
    for i, path in enumerate(table["path"]):
        dark = Image.eval(photograph(100 + 40 * i, 100), lambda v, i=i: v * (i + 1) // 12)
        dark.save(tmp_path / path)
    return slices.describe(tmp_path, table)


def test_photographs_are_described_as_they_are(described):
    assert described["size"].tolist() == [(100 + 40 * i) * 100 for i in range(12)]
    assert described["aspect"].iloc[11] == 5.4
    assert described["brightness"].is_monotonic_increasing
    assert described["group"].tolist() == ["with near-duplicates"] * 2 + ["alone"] * 10


def test_slices_share_out_every_photograph_once(described):
    correct = np.array([True] * 8 + [False] * 4)

    table = slices.accuracy_by_slice(described, correct)

    assert (table.groupby("property")["count"].sum() == 12).all()
    assert table["slice"].iloc[0] == "10,000 to 24,667"
    by = table[table["property"] == "brightness"]["accuracy"].tolist()
    assert by == [1.0, 1.0, 0.0]
    assert (table["low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["high"]).all()


def test_sharp_is_sharper_than_blurred_and_plain_plainer_than_busy(tmp_path):
    sharp = encoded(photograph())
    (tmp_path / "sharp.png").write_bytes(sharp)
    (tmp_path / "blurred.png").write_bytes(corrupt(sharp, "blur", 8))
    Image.new("RGB", (50, 50), "red").save(tmp_path / "plain.png")
    table = pd.DataFrame({"path": ["sharp.png", "blurred.png", "plain.png"], "group": [0, 1, 2]})

    described = slices.describe(tmp_path, table)

    assert described["sharpness"].is_monotonic_decreasing
    assert described["background"].iloc[2] == 0 < described["background"].iloc[0]


def test_a_property_that_does_not_vary_is_one_slice_of_all(described):
    table = slices.accuracy_by_slice(
        described.assign(size=9216.0, group="alone"), np.ones(12, bool)
    )

    assert (table.groupby("property")["count"].sum() == 12).all()
    assert table.loc[table["property"] == "size", "slice"].tolist() == ["all 9,216"]
    assert table.loc[table["property"] == "group", "slice"].tolist() == ["alone"]


def card_of(described, figures, classes=CLASSES, spoilt=None) -> str:
    by_slice = slices.accuracy_by_slice(described, np.array([True] * 8 + [False] * 4))
    facts = {"name": "cnn", "categories": ["a", "b"], "size": 64, "run_id": "run1"}
    data = {"test": 12, "train": 90, "validation": 11, "digest": "d" * 64}
    verdict = {
        "passed": True,
        "reason": "there is no other champion to beat",
        "metrics": FIGURES | figures,
    }
    return card.card(facts, data, verdict, classes, card.Trust(by_slice, spoilt, figures))


def test_a_card_says_what_was_measured_weakest_first(described):
    shares = {"rejected": 0.9, "rejected_things": 0.8, "rejected_textures": 0.95}

    text = card_of(described, shares | {"rejected_plain": 1.0, "kept": 0.96})

    assert "| accuracy | 83.0 % (95 % interval 70.0 % to 93.0 %) |" in text
    assert "false for 90 %" in text
    assert "photographs of unknown\nthings are harder" in text
    assert "- brightness" in text
    assert text.index("| b | 0.80 |") < text.index("| a | 0.90 |")


def test_a_card_names_the_weakest_category_of_those_that_were_tested(described):
    absent = {"category": "c", "precision": 0, "recall": 0, "f1": 0, "support": 0}

    text = card_of(described, {}, pd.concat([CLASSES, pd.DataFrame([absent])]))

    assert "- category b: 60.0 % of 10 recognised" in text


def test_a_handful_of_photographs_is_not_named_the_weakest_slice():
    rows = [("size", "few", 1, 0), ("size", "many", 400, 100)]
    rows += [("aspect", f"{i}", 400, 200) for i in range(2)]
    table = pd.DataFrame(
        [(name, label, n, hits / n, *slices.interval(hits, n)) for name, label, n, hits in rows],
        columns=["property", "slice", "count", "accuracy", "low", "high"],
    )

    assert [s["slice"] for s in card.weakest_slices(table)] == ["many", "0", "1"]


def test_a_card_admits_what_was_not_measured(described):
    assert "Not measured: this model was packed without validation" in card_of(described, {})


@pytest.mark.parametrize("count", [5, 12])
def test_a_card_says_on_how_many_photographs_spoilt_ones_were_tried(described, count):
    rows = [("none", np.nan, "", count, 0.8), ("blur", 4.0, "pixels", count, 0.5)]
    columns = ["corruption", "level", "unit", "count", "accuracy"]

    text = card_of(described, {}, spoilt=pd.DataFrame(rows, columns=columns))

    assert f"\n\nOn {count} of the 12 test photographs" in text
    assert ("may differ from the accuracy above.\n\n|" in text) == (count < 12)


def test_a_long_card_is_cut_at_a_section(described):
    text = card_of(described, {})

    short = card.shortened(text, 900)

    assert len(short) <= 900
    assert short.endswith("artefact card.md of the evaluate run.)\n")
    assert text.startswith(short[: short.index("\n\n(The whole")])
    assert card.shortened(text) == text
