"""ingest: photographs by category and a table that describes every file, or nothing at all."""

import hashlib
import os

import pandas as pd
import pytest
from archives import pack

from steps.ingest import find_photographs
from steps.shared.stage import StageError, read_manifest


def refused(folder, match):
    with pytest.raises(StageError, match=match):
        find_photographs(folder)


def test_the_table_describes_every_file(house, photographs):
    table = pd.read_csv(house.ingest / "files.csv")

    files = sorted(p.relative_to(photographs).as_posix() for p in photographs.rglob("*.jpg"))
    assert list(table) == ["path", "category", "sha256", "bytes", "width", "height"]
    assert list(table["path"]) == files
    assert list(table["category"]) == [path.split("/")[0] for path in files]
    assert set(table["width"]) == set(table["height"]) == {96}


def test_digests_and_sizes_are_those_of_the_copied_files(house):
    for row in pd.read_csv(house.ingest / "files.csv").itertuples():
        data = (house.ingest / "photos" / row.path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (row.sha256, row.bytes)


def test_the_run_holds_counts_and_the_manifest(house):
    run = house.runs["ingest"]

    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"files": 72, "categories": 3}
    assert run.data.tags["stage.digest"] == read_manifest(house.ingest)["digest"]


def test_categories_without_folders_are_named(tmp_path):
    (tmp_path / "1.jpg").touch()

    refused(tmp_path, "no category folders")


def test_an_empty_category_is_named(source):
    (source / "c").mkdir()
    (source / "c" / ".DS_Store").touch()

    refused(source, "category c is empty")


def test_one_category_is_too_few(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").touch()

    refused(tmp_path, r"only one category \(a\)")


def test_folders_within_a_category_are_named(source):
    (source / "a" / "more").mkdir()

    refused(source, "holds folders")


def test_links_to_files_that_were_not_fetched_are_counted_and_named(source):
    for name in ("a/3.jpg", "a/4.jpg", "a/.hidden.jpg"):
        (source / name).symlink_to("../.git/annex/objects/gone")

    refused(source, r"lead to no file: 2, first .*a/3\.jpg\. .*git annex get")


def test_a_link_to_a_category_that_is_gone_is_named(source):
    (source / "c").symlink_to("/no/such/disk")

    refused(source, r"lead to no file: 1, first .*/c\.")


def test_links_to_photographs_and_categories_are_followed(source, tmp_path):
    (source / "b").rename(tmp_path / "b")
    (source / "b").symlink_to(tmp_path / "b")
    (source / "a" / "3.jpg").symlink_to("1.jpg")

    names = [path.as_posix() for path in find_photographs(source)]

    assert names == ["a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg"]


def test_hidden_files_and_folders_are_left_out(source):
    for name in (".git/x", "__MACOSX/x", "a/.DS_Store", "a/Thumbs.db", "b/desktop.ini"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).touch()

    names = [path.as_posix() for path in find_photographs(source)]

    assert names == ["a/1.jpg", "a/2.jpg", "b/1.jpg"]


def test_a_file_beside_the_categories_is_left_out(source):
    (source / "README.txt").touch()

    assert len(find_photographs(source)) == 3


def test_an_archive_is_ingested_like_its_folder(source, tmp_path, run_stage):
    archive = pack(source, tmp_path / "photographs.tar.gz", "top")

    by_folder = run_stage("ingest", "--source", source, "--out", tmp_path / "one")
    by_archive = run_stage("ingest", "--source", archive, "--out", tmp_path / "two")

    assert (by_folder.code, by_archive.code) == (0, 0)
    assert read_manifest(tmp_path / "one")["digest"] == read_manifest(tmp_path / "two")["digest"]


def test_the_sample_is_rendered_on_the_spot(tmp_path, run_stage):
    flags = ["--source", "sample", "--per-category", 1, "--out", tmp_path / "out"]

    assert run_stage("ingest", *flags).code == 0
    assert len(pd.read_csv(tmp_path / "out" / "files.csv")) == 15


def test_a_failure_leaves_no_folder_and_says_why(source, tmp_path, run_stage, capsys):
    (source / "c").mkdir()

    outcome = run_stage("ingest", "--source", source, "--out", tmp_path / "work" / "out")

    assert outcome.code == 1
    assert "category c is empty" in outcome.run.data.tags["stage.error"]
    assert not (tmp_path / "work" / "out").exists()
    assert not list((tmp_path / "work").glob("unpacking-*"))
    assert "Traceback" not in capsys.readouterr().err


def test_files_that_are_no_pictures_are_taken_for_dataprep_to_judge(source, tmp_path, run_stage):
    run_stage("ingest", "--source", source, "--out", tmp_path / "out")

    assert set(pd.read_csv(tmp_path / "out" / "files.csv")["width"]) == {0}


def test_a_file_name_that_is_no_text_gives_one_clear_line(source, tmp_path, run_stage):
    (source / "a" / os.fsdecode(b"caf\xe9.jpg")).touch()

    outcome = run_stage("ingest", "--source", source, "--out", tmp_path / "out")

    assert outcome.code == 1
    assert "not valid UTF-8" in outcome.run.data.tags["stage.error"]


def test_a_line_break_in_a_name_is_refused_but_for_macs_icons(source, tmp_path, run_stage):
    (source / "a" / "Icon\r").touch()
    assert run_stage("ingest", "--source", source, "--out", tmp_path / "icon").code == 0

    (source / "a" / "two\nlines.jpg").touch()
    outcome = run_stage("ingest", "--source", source, "--out", tmp_path / "out")

    assert outcome.code == 1
    assert "line break" in outcome.run.data.tags["stage.error"]
