"""Sources: folders and archives come in whole; hostile ones leave nothing behind."""

import tarfile
import zipfile

import pytest
from archives import KINDS, pack, special, tar_of, zip_of

from steps.shared.sources import free_space, innermost, locate, source_digest
from steps.shared.stage import StageError

OUTSIDE = ["../evil.jpg", "a/../../evil.jpg", "/etc/evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"]


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "outer" / "scratch"
    folder.mkdir(parents=True)
    return folder


def contents(folder):
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def refused(source, scratch, match):
    with pytest.raises(StageError, match=match) as caught:
        locate(str(source), scratch)
    assert "\n" not in str(caught.value), "one line"


def test_a_folder_is_taken_where_it_lies(source, scratch):
    assert locate(str(source), scratch) == source


@pytest.mark.parametrize("top", ["", "dataset", "download/dataset"])
@pytest.mark.parametrize("suffix", KINDS)
def test_an_archive_gives_the_folder_of_categories(source, scratch, tmp_path, suffix, top):
    archive = pack(source, tmp_path / f"photographs{suffix}", top)

    found = locate(str(archive), scratch)

    assert contents(found) == contents(source)


def test_what_a_file_manager_adds_does_not_hide_the_top_folder(source, scratch, tmp_path):
    archive = pack(source, tmp_path / "photographs.zip", "dataset")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("__MACOSX/dataset/a/._1.jpg", b"x")
        file.writestr(".DS_Store", b"x")

    assert contents(locate(str(archive), scratch)) == contents(source)


def test_a_single_category_is_not_taken_for_a_wrapping_folder(tmp_path):
    (tmp_path / "balls" / "football").mkdir(parents=True)
    (tmp_path / "balls" / "football" / "1.jpg").touch()

    assert innermost(tmp_path) == tmp_path / "balls"


@pytest.mark.parametrize("make", [zip_of, tar_of])
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leaves_the_folder_is_refused_before_anything_is_written(
    scratch, tmp_path, make, name
):
    archive = make(tmp_path / "archive", {"a/good.jpg": b"x", name: b"evil"})

    refused(archive, scratch, "leave the folder|unsafe")

    assert not contents(scratch.parent)
    assert not list(tmp_path.rglob("evil.jpg"))


def test_a_file_named_like_the_folder_itself_is_refused(scratch, tmp_path):
    archive = zip_of(tmp_path / "archive.zip", {"a/1.jpg": b"x", ".": b"y"})

    refused(archive, scratch, "leave the folder")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_devices_in_a_tar_are_left_out(scratch, tmp_path, kind):
    entries = {"a/1.jpg": b"x", "b/1.jpg": b"y"}
    archive = tar_of(tmp_path / "archive.tar", entries, [special("a/2.jpg", kind)])

    assert contents(locate(str(archive), scratch)) == entries


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "../../../etc/passwd"),
        (tarfile.SYMTYPE, "1.jpg"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "a/3.jpg"),
    ],
)
def test_links_in_a_tar_are_refused_before_anything_is_written(scratch, tmp_path, kind, target):
    entries = {"a/1.jpg": b"x", "b/1.jpg": b"y"}
    archive = tar_of(tmp_path / "archive.tar", entries, [special("a/2.jpg", kind, target)])

    refused(archive, scratch, r"links that are not followed: 1, first 'a/2\.jpg'.* --deref")

    assert not contents(scratch)


def test_links_that_a_version_control_hides_in_a_tar_disturb_nobody(scratch, tmp_path):
    entries = {"a/1.jpg": b"x", "b/1.jpg": b"y"}
    hidden = [special(".git/annex/link", tarfile.SYMTYPE, "elsewhere")]
    archive = tar_of(tmp_path / "archive.tar", entries, hidden)

    assert contents(locate(str(archive), scratch)) == entries


def test_hard_links_in_a_tar_are_files_too(source, scratch, tmp_path):
    (source / "b" / "copy.jpg").hardlink_to(source / "a" / "1.jpg")
    archive = pack(source, tmp_path / "photographs.tar.gz")

    assert contents(locate(str(archive), scratch)) == contents(source)


def test_hard_links_count_as_the_copies_that_they_become(scratch, tmp_path):
    links = [special(f"b/{i}.jpg", tarfile.LNKTYPE, "a/1.jpg") for i in range(200)]
    archive = tar_of(tmp_path / "bomb.tar", {"a/1.jpg": bytes(2 * 1024**2)}, links)

    refused(archive, scratch, "refused as too large")


def test_a_link_in_a_zip_is_no_link_on_disk(scratch, tmp_path):
    archive = zip_of(tmp_path / "archive.zip", {"a/1.jpg": b"x", "b/1.jpg": b"y"})
    link = zipfile.ZipInfo("a/2.jpg")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/passwd")

    found = locate(str(archive), scratch)

    assert not (found / "a" / "2.jpg").is_symlink()


def test_a_zip_bomb_is_refused_before_anything_is_written(scratch, tmp_path):
    zeros = {"a/1.jpg": bytes(60 * 1024**2)}
    archive = zip_of(tmp_path / "bomb.zip", zeros, zipfile.ZIP_DEFLATED)

    refused(archive, scratch, "refused as too large")

    assert not contents(scratch)


def test_a_tar_bomb_is_refused_before_anything_is_written(scratch, tmp_path):
    folder = tmp_path / "zeros"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(bytes(60 * 1024**2))
    archive = pack(folder, tmp_path / "bomb.tar.gz")

    refused(archive, scratch, "refused as too large")

    assert not contents(scratch)


def test_more_than_the_disk_holds_is_refused(scratch, tmp_path, monkeypatch):
    archive = zip_of(tmp_path / "archive.zip", {"a/1.jpg": bytes(100)})
    monkeypatch.setattr("steps.shared.sources.free_space", lambda folder: 99)

    refused(archive, scratch, "refused as too large")


def test_free_space_is_the_disks(tmp_path):
    assert free_space(tmp_path) > 0


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("damage", ["middle", "end", "directory"])
def test_a_damaged_archive_gives_one_clear_line(source, scratch, tmp_path, suffix, damage):
    (source / "a" / "3.jpg").write_bytes(bytes(range(256)) * 400)
    archive = pack(source, tmp_path / f"photographs{suffix}")
    if suffix == ".zip":
        archive = zip_of(archive, contents(source), zipfile.ZIP_DEFLATED)
    data = bytearray(archive.read_bytes())
    half = len(data) // 2
    if damage == "middle":
        data[half : half + 200] = b"\xff" * min(200, len(data) - half)
    elif damage == "directory":
        data[-80:-30] = b"\xff" * 50
    archive.write_bytes(bytes(data[:half] if damage == "end" else data))

    try:
        locate(str(archive), scratch)
    except StageError as error:
        assert "\n" not in str(error)
    else:
        assert suffix == ".tar", "a plain tar has no checksum over contents"


def test_deflated_pixels_that_were_overwritten_give_one_clear_line(scratch, tmp_path):
    text = " ".join(str(n**3) for n in range(20_000)).encode()
    archive = zip_of(tmp_path / "archive.zip", {"a/1.jpg": text}, zipfile.ZIP_DEFLATED)
    data = bytearray(archive.read_bytes())
    data[2000:2100] = bytes(100)
    archive.write_bytes(bytes(data))

    refused(archive, scratch, "damaged")


def test_a_locked_zip_is_refused(scratch, tmp_path):
    archive = zip_of(tmp_path / "archive.zip", {"a/1.jpg": b"x"})
    data = bytearray(archive.read_bytes())
    for start, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(start) + flag] |= 1
    archive.write_bytes(bytes(data))

    refused(archive, scratch, "damaged or locked")


def test_a_source_that_is_not_there_is_named(scratch):
    refused("nowhere/photographs", scratch, "nowhere/photographs does not exist")


def test_a_file_that_is_no_archive_is_named(scratch, tmp_path):
    (tmp_path / "notes.txt").write_text("no archive")

    refused(tmp_path / "notes.txt", scratch, "neither a folder nor")


@pytest.mark.parametrize("handle", ["kaggle:", "kaggle:owner", "kaggle:/name"])
def test_half_a_kaggle_name_is_refused(scratch, handle):
    refused(handle, scratch, "write kaggle:OWNER/DATASET")


def test_kaggle_without_a_network_gives_one_clear_line(scratch, monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    refused("kaggle:nobody/no-such-data", scratch, "could not be downloaded")


def test_kaggle_without_its_package_says_what_to_install(scratch, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "kagglehub", None)

    refused("kaggle:owner/name", scratch, "pip install kagglehub")


def test_the_digest_of_a_folder_follows_names_and_contents(source):
    before = source_digest(str(source))
    (source / "a" / "1.jpg").rename(source / "a" / "9.jpg")
    renamed = source_digest(str(source))
    (source / "a" / "2.jpg").write_bytes(b"other")

    assert len({before, renamed, source_digest(str(source))}) == 3


def test_the_digest_follows_links_to_category_folders_as_ingest_does(source, tmp_path):
    (source / "a").rename(tmp_path / "elsewhere")
    (source / "a").symlink_to(tmp_path / "elsewhere")
    before = source_digest(str(source))
    (tmp_path / "elsewhere" / "1.jpg").write_bytes(b"other")

    assert source_digest(str(source)) != before


def test_the_digest_of_an_archive_is_its_contents(source, tmp_path):
    archive = pack(source, tmp_path / "a.tar")
    copy = tmp_path / "b.tar"
    copy.write_bytes(archive.read_bytes())

    assert source_digest(str(archive)) == source_digest(str(copy))


@pytest.mark.parametrize("source", ["sample", "kaggle:a/b", "no/such/folder"])
def test_what_cannot_be_read_is_known_by_its_name(source):
    assert source_digest(source) == source
