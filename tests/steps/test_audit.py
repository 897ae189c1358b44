"""audit: wrong labels are found, a person decides, and ingest obeys the sheet or says why not."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from steps.audit import find_doubts
from steps.ingest import ingest
from steps.main import Chain
from steps.shared import corrections, label_quality, options
from steps.shared.sources import source_digest
from steps.shared.stage import StageError, read_manifest

PLANTED = ("basketball/tennis.jpg", "tennis_ball/football.jpg", "football/basket.jpg")
TWO_LABELS = ("basketball/000.jpg", "football/twin.jpg")
ROW = {"path": "a/1.jpg", "suggested": "b", "action": "keep"}


@pytest.fixture(scope="module")
def audited(tmp_path_factory, photographs, run_all):
    """A source with three wrong labels and one picture in two categories, and its audit."""
    root = tmp_path_factory.mktemp("audited")
    source = shutil.copytree(photographs, root / "source")
    for name, original in zip(PLANTED, ("tennis_ball", "football", "basketball"), strict=True):
        shutil.move(source / original / "023.jpg", source / name)
    shutil.copy(source / TWO_LABELS[0], source / TWO_LABELS[1])
    stages = {
        "ingest": ["--source", source],
        "dataprep": ["--photos", root / "ingest", "--workers", 1],
        "audit": ["--photos", root / "ingest", "--prepared", root / "dataprep", "--workers", 1],
    }
    done = run_all(root, stages)
    table = pd.read_csv(done.audit / "audit.csv")
    return SimpleNamespace(**vars(done), source=source, table=table)


def sheet(folder, *rows, **columns):
    path = folder / "sheet.csv"
    pd.DataFrame(list(rows)).assign(**columns).to_csv(path, index=False)
    return path


def row_for(source, path, **values):
    table = pd.DataFrame([{"path": path}]).merge(values.pop("table"), on="path")
    return {**ROW, **table.iloc[0][["path", "sha256"]].to_dict(), **values}


@pytest.fixture
def table(source, tmp_path):
    return ingest(source, tmp_path / "copied")


def test_planted_label_errors_are_found_with_the_right_suggestion(audited):
    rows = audited.table.set_index("path")

    assert set(PLANTED) <= set(rows.index)
    assert list(rows.loc[list(PLANTED), "suggested"]) == ["tennis_ball", "football", "basketball"]
    assert len(rows) <= 12, "hardly a good label is doubted"


def test_copies_with_two_labels_are_listed_together(audited):
    rows = audited.table[audited.table["reason"] == "a copy has another label"]

    assert sorted(rows["path"]) == sorted(TWO_LABELS)


def test_a_person_decides(audited):
    assert list(audited.table) == corrections.COLUMNS
    assert set(audited.table["action"]) == {"keep"}


def test_sheet_and_page_are_artefacts_and_the_page_needs_no_network(audited):
    names = {
        f.path
        for f in MlflowClient(audited.tracking).list_artifacts(audited.runs["audit"].info.run_id)
    }
    page = (audited.audit / "audit.html").read_text()

    assert {"audit.csv", "audit.html"} <= names
    assert page.count("data:image/jpeg;base64,") == len(audited.table)
    assert "http://" not in page
    assert "https://" not in page
    assert audited.runs["audit"].data.metrics["conflicts"] == 2


def test_a_decided_sheet_goes_back_into_ingest(audited, run_stage, tmp_path):
    decided = audited.table.set_index("path")
    decided.loc[PLANTED[0], "action"] = "drop"
    decided.loc[PLANTED[1], "action"] = " Relabel "
    decided.reset_index().to_csv(tmp_path / "decided.csv", index=False, encoding="utf-8-sig")

    outcome = run_stage(
        *("ingest", "--source", audited.source, "--out", tmp_path / "out"),
        *("--corrections", tmp_path / "decided.csv"),
    )

    assert outcome.code == 0, outcome.run.data.tags
    got = pd.read_csv(tmp_path / "out" / "files.csv").set_index("path")
    assert PLANTED[0] not in got.index
    assert not (tmp_path / "out" / "photos" / PLANTED[0]).exists()
    assert got.loc[PLANTED[1], "category"] == "football"
    assert len(got) == 72
    assert outcome.run.data.metrics["dropped"] == outcome.run.data.metrics["relabelled"] == 1


def test_a_sheet_of_nothing_to_do_changes_nothing(audited, run_stage, tmp_path):
    run_stage(
        *("ingest", "--source", audited.source, "--out", tmp_path / "out"),
        *("--corrections", audited.audit / "audit.csv"),
    )

    digests = [read_manifest(folder)["digest"] for folder in (tmp_path / "out", audited.ingest)]
    assert digests[0] == digests[1]


BAD_ROWS = [
    ({"action": "delete"}, "row 2 has the action delete; there are: keep, drop, relabel"),
    ({"path": "a/9.jpg"}, "row 2 names a/9.jpg, which --source does not hold"),
    ({"sha256": "0"}, "row 2 was written for another picture than a/1.jpg now is"),
    ({"action": "relabel", "suggested": "c"}, "row 2 relabels a/1.jpg as c, which is no category"),
    ({"action": "relabel", "suggested": ""}, "row 2 relabels a/1.jpg as nothing"),
]


@pytest.mark.parametrize(("change", "reason"), BAD_ROWS)
def test_a_bad_row_is_named_with_what_to_do(source, table, tmp_path, change, reason):
    path = sheet(tmp_path, row_for(source, "a/1.jpg", table=table) | change)

    with pytest.raises(StageError, match=reason):
        corrections.read(str(path)).apply(table)


def test_a_path_that_stands_twice_is_named(source, table, tmp_path):
    row = row_for(source, "a/1.jpg", table=table)

    with pytest.raises(StageError, match=r"row 3 names a/1.jpg again, after row 2"):
        corrections.read(str(sheet(tmp_path, row, row | {"action": "drop"})))


def test_rows_are_counted_as_a_spreadsheet_does(source, table, tmp_path):
    empty = dict.fromkeys(("path", "sha256", "suggested", "action"), "")
    bad = row_for(source, "a/2.jpg", table=table, action="oops")

    with pytest.raises(StageError, match="row 4 has the action oops"):
        corrections.read(str(sheet(tmp_path, row_for(source, "a/1.jpg", table=table), empty, bad)))


def test_a_row_of_blanks_is_no_row(source, table, tmp_path):
    row = row_for(source, "a/1.jpg", table=table)
    path = sheet(tmp_path, dict.fromkeys(("path", "sha256", "suggested", "action"), " "), row)

    assert len(corrections.read(str(path)).apply(table)) == len(table)


def test_a_space_in_a_path_is_a_part_of_it(source, tmp_path):
    (source / "a" / "1.jpg").rename(source / "a" / "1.jpg ")
    table = ingest(source, tmp_path / "copied")
    path = sheet(tmp_path, row_for(source, "a/1.jpg ", table=table, action="drop"))

    assert "a/1.jpg " not in set(corrections.read(str(path)).apply(table)["path"])


def test_the_last_picture_of_a_category_cannot_be_dropped(source, table, tmp_path):
    path = sheet(tmp_path, row_for(source, "b/1.jpg", table=table, action="drop"))

    with pytest.raises(StageError, match="leaves no picture in category b"):
        corrections.read(str(path)).apply(table)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "does not exist: name a sheet that audit wrote"),
        (b"", "is no table"),
        (b"\xff\xfe\x00", "is no table"),
        (b"path;sha256;suggested;action\n", "lacks the column path: save it as UTF-8 text with"),
    ],
)
def test_a_file_that_is_no_sheet_is_named(tmp_path, content, reason):
    path = tmp_path / "sheet.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(StageError, match=reason):
        corrections.read(str(path))


def test_main_keys_ingest_by_what_the_sheet_says_not_by_where_it_lies(tmp_path, monkeypatch):
    keys = []
    monkeypatch.setattr(Chain, "_start", lambda _, name, given: keys.append(given["out"]))
    for name, text in (("one.csv", "path\n"), ("two.csv", "path\n"), ("three.csv", "other\n")):
        (tmp_path / name).write_text(text)
        args = options.parse("main", ["--corrections", str(tmp_path / name)])
        args.work = tmp_path
        Chain(args).run("ingest", {"corrections": source_digest(args.corrections)})

    assert keys[0] == keys[1] != keys[2]


def test_of_split_only_what_trains_is_judged(house):
    from steps.audit import read_prepared

    table, images = read_prepared(house.split)

    assert set(table["split"]) == {"train"}
    assert len(table) == len(images) == read_manifest(house.split)["train"]


def test_another_stages_folder_is_refused(house, run_stage, tmp_path):
    outcome = run_stage(
        *("audit", "--photos", house.ingest, "--prepared", house.ingest, "--out", tmp_path / "out")
    )

    assert outcome.code == 1
    assert "is the folder of ingest: name dataprep's" in outcome.run.data.tags["stage.error"]


def test_photographs_of_another_source_are_refused(house, audited, run_stage, tmp_path):
    outcome = run_stage(
        *("audit", "--photos", audited.ingest, "--prepared", house.dataprep),
        *("--out", tmp_path / "out"),
    )

    assert outcome.code == 1
    assert "is not the folder that --prepared was made from" in outcome.run.data.tags["stage.error"]


def test_a_category_of_few_pictures_cannot_be_judged():
    categories = np.array(["a"] * 6 + ["b"] * 6)
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 9])

    with pytest.raises(StageError, match="category b has 4 different pictures"):
        label_quality.require_enough(categories, groups)


def test_what_is_sure_enough_is_filled_in():
    n = 20
    labels = np.arange(n) % 2
    probabilities = np.where(np.eye(2)[labels] > 0, 0.9, 0.1)
    probabilities[0] = (0.03, 0.97)
    table = pd.DataFrame({"category": np.array(["a", "b"])[labels], "group": np.arange(n)})

    doubts = find_doubts(table.assign(conflict=False), probabilities, above=0.95)

    assert list(doubts.index) == [0]
    assert tuple(doubts.loc[0, ["suggested", "action", "confidence"]]) == ("b", "relabel", 0.97)


def test_copies_share_a_fold_so_none_vouches_for_its_label():
    rng = np.random.default_rng(0)
    features = np.repeat(rng.normal(size=(30, 4)), 2, axis=0)
    groups = np.repeat(np.arange(30), 2)
    labels = np.tile([0, 1], 30)  # the two copies of each picture disagree

    probabilities = label_quality.out_of_fold(features, labels, groups, seed=1)

    assert np.allclose(probabilities[0::2], probabilities[1::2])
    assert np.allclose(probabilities.sum(axis=1), 1)
