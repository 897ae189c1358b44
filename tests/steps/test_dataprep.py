"""dataprep: array and table say the same, and what cannot be read is listed, not lost."""

import re
import shutil
import subprocess
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
from drawing import encoded, photograph

from benchmarks.faults.system import small_disk
from steps.dataprep import find_groups
from steps.served_model.pictures import decode
from steps.shared.stage import read_manifest

HOSTILE = "<script>alert(1)</script> & 'x'.jpg"


def ingested(run_stage, source, tmp_path, name="photos"):
    assert run_stage("ingest", "--source", source, "--out", tmp_path / name).code == 0
    return tmp_path / name


def read(path):
    return pd.read_csv(path, keep_default_na=False, dtype={"category": str})


@pytest.fixture
def messy(tmp_path):
    """Two categories with copies, a label conflict, three unreadable files and hostile names."""
    folder = tmp_path / "messy"
    for category in ("a", "b"):
        (folder / category).mkdir(parents=True)
        for number in range(4):
            picture = photograph(160, 120, seed=number + (10 if category == "b" else 0))
            picture.save(folder / category / f"{number}.jpg", quality=92)
    shutil.copy(folder / "a" / "0.jpg", folder / "a" / "copy.jpg")
    photograph(160, 120, seed=1).resize((120, 90)).save(folder / "b" / "near.png")
    (folder / "a" / "empty.jpg").touch()
    (folder / "b" / "page.jpg").write_text("<html>")
    (folder / "a" / HOSTILE.replace("/", "∕")).write_bytes(encoded(photograph())[:5000])
    return folder


@pytest.fixture
def prepared(messy, run_stage, tmp_path):
    photos = ingested(run_stage, messy, tmp_path)
    flags = ["--photos", photos, "--max-bad-share", 0.5, "--out", tmp_path / "out"]
    assert run_stage("dataprep", *flags).code == 0
    return tmp_path / "out"


def test_row_i_of_the_table_describes_picture_i(house):
    table = read(house.dataprep / "files.csv")
    images = np.load(house.dataprep / "images.npy", mmap_mode="r")

    assert images.shape == (len(table), 80, 80, 3)
    assert images.dtype == np.uint8
    for i in (0, 30, len(table) - 1):
        data = (house.ingest / "photos" / table["path"][i]).read_bytes()
        assert (images[i] == decode(data, 80)).all()


def test_rejected_files_are_listed_with_reasons(prepared):
    rejected = read(prepared / "rejected.csv")

    codes = dict(zip(rejected["path"], rejected["code"], strict=True))
    assert codes["a/empty.jpg"] == "empty"
    assert codes["b/page.jpg"] == "not_an_image"
    assert len(rejected) == 3
    assert rejected["reason"].str.endswith(".").all()


def test_rejected_files_are_in_neither_array_nor_table(prepared, tmp_path):
    table = read(prepared / "files.csv")
    images = np.load(prepared / "images.npy")

    assert len(table) == len(images) == 10
    for i, path in enumerate(table["path"]):
        assert (images[i] == decode((tmp_path / "photos" / "photos" / path).read_bytes(), 80)).all()


def test_copies_share_a_group_and_the_later_is_a_duplicate(prepared):
    table = read(prepared / "files.csv").set_index("path")

    assert table.loc["a/0.jpg", "group"] == table.loc["a/copy.jpg", "group"]
    assert not table.loc["a/0.jpg", "duplicate"]
    assert table.loc["a/copy.jpg", "duplicate"]


def test_a_group_with_two_labels_is_a_conflict_and_listed(prepared):
    table = read(prepared / "files.csv")

    conflicts = read(prepared / "conflicts.csv")

    assert set(table.loc[table["conflict"], "path"]) == {"a/1.jpg", "b/near.png"}
    assert set(conflicts["path"]) == {"a/1.jpg", "b/near.png"}


def test_exact_copies_of_a_plain_picture_are_one_group():
    table = pd.DataFrame({"sha256": ["x", "x", "y"], "category": ["a", "a", "a"]})

    grouped = find_groups(table, np.full((3, 64, 64, 3), 200, np.uint8))

    assert grouped["duplicate"].tolist() == [False, True, False]


def test_too_many_bad_files_fail_the_run_and_leave_no_folder(messy, run_stage, tmp_path):
    photos = ingested(run_stage, messy, tmp_path)

    outcome = run_stage("dataprep", "--photos", photos, "--out", tmp_path / "out")

    assert outcome.code == 1
    assert outcome.run.info.status == "FAILED"
    assert "3 of 13 files could not be read" in outcome.run.data.tags["stage.error"]
    assert not (tmp_path / "out").exists()


def test_the_list_of_bad_files_is_in_the_failed_run(messy, run_stage, tmp_path):
    from mlflow import MlflowClient

    photos = ingested(run_stage, messy, tmp_path)

    outcome = run_stage("dataprep", "--photos", photos, "--out", tmp_path / "out")

    names = [item.path for item in MlflowClient().list_artifacts(outcome.run.info.run_id)]
    assert "rejected.csv" in names


def test_no_readable_file_at_all_fails_whatever_the_share(run_stage, tmp_path):
    for category in ("a", "b"):
        (tmp_path / "source" / category).mkdir(parents=True)
        (tmp_path / "source" / category / "1.jpg").write_text("no picture")
    photos = ingested(run_stage, tmp_path / "source", tmp_path)
    flags = ["--photos", photos, "--max-bad-share", 1, "--out", tmp_path / "out"]

    outcome = run_stage("dataprep", *flags)

    assert outcome.run.data.tags["stage.error"] == "no file could be read."


def test_a_category_of_which_nothing_can_be_read_is_named(messy, run_stage, tmp_path):
    (messy / "phone").mkdir()
    (messy / "phone" / "1.heic").write_text("no picture that is known here")
    photos = ingested(run_stage, messy, tmp_path)
    flags = ["--photos", photos, "--max-bad-share", 1, "--out", tmp_path / "out"]

    outcome = run_stage("dataprep", *flags)

    assert outcome.code == 1
    assert "category phone has no file" in outcome.run.data.tags["stage.error"]


def test_one_process_and_two_give_the_same(house, run_stage, tmp_path):
    flags = ["--photos", house.ingest, "--workers", 2, "--out", tmp_path / "out"]

    assert run_stage("dataprep", *flags).code == 0

    assert read_manifest(tmp_path / "out")["digest"] == read_manifest(house.dataprep)["digest"]


def test_the_size_is_as_asked(house, run_stage, tmp_path):
    flags = ["--photos", house.ingest, "--size", 32, "--out", tmp_path / "out"]

    assert run_stage("dataprep", *flags).code == 0

    assert np.load(tmp_path / "out" / "images.npy").shape[1:] == (32, 32, 3)
    assert read_manifest(tmp_path / "out")["size"] == 32


def test_categories_that_look_like_numbers_stay_names(run_stage, tmp_path):
    for category in ("007", "1"):
        (tmp_path / "source" / category).mkdir(parents=True)
        for number in range(3):
            picture = photograph(80, 80, seed=number + 50 * (category == "1"))
            picture.save(tmp_path / "source" / category / f"{number}.jpg")
        shutil.copy(
            tmp_path / "source" / category / "0.jpg", tmp_path / "source" / category / "copy.jpg"
        )
    photos = ingested(run_stage, tmp_path / "source", tmp_path)

    outcome = run_stage("dataprep", "--photos", photos, "--out", tmp_path / "out")

    assert outcome.code == 0, outcome.run.data.tags.get("stage.error")
    assert set(read(tmp_path / "out" / "files.csv")["category"]) == {"007", "1"}


def test_a_folder_that_no_stage_finished_is_refused(run_stage, tmp_path):
    outcome = run_stage("dataprep", "--photos", tmp_path, "--out", tmp_path / "out")

    assert "it has no stage.json" in outcome.run.data.tags["stage.error"]


def test_the_report_shows_every_section_in_one_file(prepared):
    html = (prepared / "report.html").read_text()

    for heading in (
        "Counts",
        "Samples",
        "Groups with two labels",
        "Duplicates",
        "Sizes",
        "Rejected",
    ):
        assert f"<h2>{heading}" in html
    assert "10 pictures in 2 categories; 3 files rejected" in html
    assert "b/near.png" in html
    assert not re.findall(r'(?:src|href)="(?!data:)', html), "nothing is loaded from elsewhere"


def test_the_report_shows_hostile_file_names_as_text(prepared):
    html = (prepared / "report.html").read_text()

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_report_of_flawless_data_says_so(house):
    html = (house.dataprep / "report.html").read_text()

    assert "0 files rejected" in html
    assert html.count("<p>None.</p>") == 2


def test_pictures_of_any_size_are_counted_in_the_report(prepared):
    html = (prepared / "report.html").read_text()

    assert "128 – 256" in html
    assert "over 4096" in html


@pytest.fixture
def disk():
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(small_disk(1))
        except (subprocess.CalledProcessError, OSError):
            pytest.skip("nobody may mount here")
        yield folder


def test_a_disk_without_room_is_named_before_anything_is_decoded(house, run_stage, disk):
    outcome = run_stage("dataprep", "--photos", house.ingest, "--out", disk / "out")

    assert outcome.code == 1
    assert "MiB for images.npy in" in outcome.run.data.tags["stage.error"]
    assert "No space left on device" in outcome.run.data.tags["stage.error"]
    assert not list(disk.rglob("*.npy"))
