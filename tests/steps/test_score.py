"""score: every picture has its row, good or bad, and a kill costs no more than a part."""

import errno
import os

import pandas as pd
import pytest
from drawing import encoded, photograph

from steps import score
from steps.shared import scorer
from steps.shared.picture_list import list_pictures
from steps.shared.stage import StageError


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for i in range(5):
        (folder / "below" / f"{i}.jpg").write_bytes(encoded(photograph(80, 60, i), "JPEG"))
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.md").write_text("not asked about")
    return folder


@pytest.fixture
def scored(house, run_stage, tmp_path):
    def run(pictures, name="out"):
        flags = ["--pictures", pictures, "--model-path", house.model, "--workers", 1]
        return run_stage("score", *flags, "--out", tmp_path / name), tmp_path / name

    return run


def rows_of(out) -> pd.DataFrame:
    parts = [pd.read_parquet(part) for part in sorted(out.glob("part-*.parquet"))]
    return pd.concat(parts, ignore_index=True)


def test_every_picture_has_a_row_and_a_bad_one_says_why(house, pictures, scored):
    outcome, out = scored(pictures)

    rows = rows_of(out).set_index("path")
    assert outcome.code == 0
    assert sorted(rows.index) == [*(f"below/{i}.jpg" for i in range(5)), "broken.png"]
    assert rows.loc["broken.png", "error_code"] == "not_an_image"
    assert rows.loc["broken.png", "label"] is None
    expected = scorer.score(house.model, [pictures / "below/3.jpg"])[0]
    row = rows.loc["below/3.jpg"]
    assert row["label"] == expected["label"]
    assert row["confidence"] == pytest.approx(expected["confidence"], abs=1e-5)
    assert dict(row["scores"]) == pytest.approx(expected["scores"], abs=1e-5)
    assert outcome.run.data.metrics["unreadable"] == 1


def test_a_name_that_is_not_utf_8_has_its_row_too(pictures, scored):
    name = os.fsdecode(b"caf\xe9.jpg")
    (pictures / name).write_bytes((pictures / "below/1.jpg").read_bytes())

    outcome, out = scored(pictures)

    assert outcome.code == 0
    row = rows_of(out).set_index("path").loc["caf\\xe9.jpg"]
    assert row["error_code"] is None


def test_a_file_that_the_system_does_not_give_is_not_called_empty(house, pictures, scored):
    (pictures / "circle.jpg").symlink_to("circle.jpg")
    (pictures / "gone.jpg").symlink_to("nowhere")
    (pictures / "empty.jpg").touch()

    outcome, out = scored(pictures)

    rows = rows_of(out).set_index("path")
    assert outcome.code == 0
    codes = rows.loc[["circle.jpg", "gone.jpg", "empty.jpg"], "error_code"].tolist()
    assert codes == ["unreadable", "not_found", "empty"]
    reason = os.strerror(errno.ELOOP)
    assert rows.loc["circle.jpg", "error"] == f"The file cannot be read: {reason}."


def test_who_needs_every_answer_is_told_which_file_has_none(house, pictures):
    asked = [pictures / "below/1.jpg", pictures / "below"]
    reason = os.strerror(errno.EISDIR)

    with (
        scorer.Scorer(house.model, 1) as answering,
        pytest.raises(StageError, match=f"1, first {asked[1]}: The file cannot be read: {reason}"),
    ):
        answering.require(asked, "evaluate")


def test_a_list_and_a_table_are_taken_in_their_order(pictures, scored):
    text = "below/4.jpg\n\nbelow/0.jpg\nmissing.jpg\n"
    (pictures / "list.txt").write_text(text, "utf-8-sig")  # with a mark, as Windows' editors do
    (pictures / "001").write_bytes((pictures / "below" / "1.jpg").read_bytes())
    pd.DataFrame({"path": ["below/1.jpg", "001", "NA"], "shelf": 7}).to_csv(
        pictures / "t.csv", index=False
    )

    listed, tabled = (rows_of(scored(pictures / f, f)[1]) for f in ("list.txt", "t.csv"))

    assert listed["path"].tolist() == ["below/4.jpg", "below/0.jpg", "missing.jpg"]
    assert listed["error_code"].tolist() == [None, None, "not_found"]
    assert tabled["path"].tolist() == ["below/1.jpg", "001", "NA"]
    assert tabled["error_code"].tolist() == [None, None, "not_found"]


def test_folders_are_entered_through_links_and_no_circle_is_run_in(pictures, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "7.jpg").touch()
    links = {
        "linked": "../elsewhere",
        "below/back": "..",
        "gone.jpg": "nowhere",
        "self.jpg": "self.jpg",
    }
    for name, target in links.items():
        (pictures / name).symlink_to(target)
    os.mkfifo(pictures / "pipe.jpg")  # to read it would wait for ever

    _, paths = list_pictures(pictures)

    found = {"broken.png", "gone.jpg", "linked/7.jpg", "self.jpg"}
    assert set(paths) == found | {f"below/{i}.jpg" for i in range(5)}


def test_what_is_scored_is_not_scored_again_after_a_kill(pictures, scored, monkeypatch):
    monkeypatch.setattr(scorer.Scorer, "part", 2)
    asked = []
    ask = scorer.Scorer.score

    def killed_at_the_third(self, some, *args, **more):
        asked.append([path.name for path in some])
        if len(asked) == 3:
            raise KeyboardInterrupt
        return ask(self, some, *args, **more)

    monkeypatch.setattr(scorer.Scorer, "score", killed_at_the_third)
    assert scored(pictures)[0].code == 130

    outcome, out = scored(pictures)

    assert outcome.code == 0
    assert [len(names) for names in asked] == [2, 2, 2, 2]
    assert asked[2] == asked[3]
    assert len(rows_of(out)) == 6


def test_other_pictures_do_not_take_up_parts(pictures, tmp_path):
    for identity in ({"paths": "a"}, {"paths": "a"}, {"paths": "b"}):
        score.take_up(tmp_path, identity)
        there = (tmp_path / "part-000000.parquet").is_file()
        assert there == (identity == {"paths": "a"} and there)
        (tmp_path / "part-000000.parquet").touch()

    score.take_up(tmp_path, {"paths": "c"})
    assert not list(tmp_path.glob("part-*"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("nowhere", None, "there is no such folder or file"),
        ("list.doc", "x", "a folder, .txt, .csv or .parquet is expected"),
        ("t.csv", "file\nx.jpg\n", "has no column `path`, but \\['file'\\]"),
        ("t.parquet", "nonsense", "cannot be read as .parquet"),
        ("empty.txt", "\n", "holds no picture"),
    ],
)
def test_what_is_no_list_of_pictures_is_named(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_text(content)

    with pytest.raises(StageError, match=reason):
        list_pictures(tmp_path / name)


def test_one_machine_does_not_pretend_to_read_what_only_spark_can(pictures, scored):
    (pictures / "list.txt").write_text("s3a://box/a.jpg\n")

    for asked in ("abfss://box@account/folder", pictures / "list.txt"):
        outcome = scored(asked)[0]
        assert outcome.code == 1
        assert "--engine spark" in outcome.run.data.tags["stage.error"]
