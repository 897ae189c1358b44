"""upload: a versioned asset, by content; interrupted uploads go on."""

import shutil

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import ContainerClient

ASSET = "/data/sports-ball-photographs/versions/"


@pytest.fixture
def folder(tmp_path):
    """Two categories of files; ingest alone looks at what is in them."""
    for number in range(20):
        path = tmp_path / "photos" / ("football" if number % 2 else "rugby_ball") / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture %d" % number)
    return tmp_path / "photos"


def stored(blobs) -> set[str]:
    container = blobs.get_container_client("workspaceblobstore")
    return {blob.name for blob in container.list_blobs()}


def assets(azure, part: str = ASSET) -> list[str]:
    return [path for path in azure.resources if part in path]


def test_the_photographs_become_a_versioned_folder(command, workspace, blobs, folder):
    done = command("upload", folder)

    assert done.status == 0, done.err
    (path,) = assets(workspace)
    version = path.rpartition("/")[2]
    about = workspace.resources[path]["properties"]
    assert about["dataUri"].endswith(f"/workspaceblobstore/paths/photographs/{version}/")
    assert about["dataType"] == "uri_folder"
    assert len(stored(blobs)) == 20
    assert f"photographs/{version}/football/1.jpg" in stored(blobs)


def test_a_repetition_sends_nothing(command, workspace, folder):
    command("upload", folder)

    done = command("upload", folder)

    assert done.status == 0
    assert "0 of 20 files sent" in done.out
    assert len(assets(workspace)) == 1


def test_other_contents_are_another_version(command, workspace, folder):
    command("upload", folder)
    (folder / "football" / "1.jpg").write_bytes(b"another")

    command("upload", folder)

    assert len(assets(workspace)) == 2


def test_an_interrupted_upload_goes_on_where_it_stopped(
    command, workspace, blobs, folder, monkeypatch
):
    real, sent = ContainerClient.upload_blob, []

    def until_the_cable_is_pulled(self, name, *args, **kwargs):
        if len(sent) >= 12:
            raise ServiceRequestError("connection lost")
        sent.append(name)
        return real(self, name, *args, **kwargs)

    monkeypatch.setattr(ContainerClient, "upload_blob", until_the_cable_is_pulled)
    broken = command("upload", folder)
    monkeypatch.setattr(ContainerClient, "upload_blob", real)

    assert broken.status == 1
    assert "the same command goes on where it stopped" in broken.err
    assert not assets(workspace)
    left = 20 - len(stored(blobs))

    done = command("upload", folder)

    assert f"{left} of 20 files sent" in done.out
    assert len(assets(workspace)) == 1


def test_a_blob_of_another_size_is_sent_again(command, workspace, blobs, folder):
    command("upload", folder)
    name = next(iter(stored(blobs)))
    container = blobs.get_container_client("workspaceblobstore")
    container.upload_blob(name, b"torn", overwrite=True)

    assert "1 of 20 files sent" in command("upload", folder).out


def test_by_category_makes_an_asset_of_each_too(command, workspace, folder):
    done = command("upload", folder, "--by-category")

    assert done.status == 0, done.err
    assert len(assets(workspace)) == 1
    (path,) = assets(workspace, "/data/sports-ball-photographs-football/versions/")
    assert workspace.resources[path]["properties"]["dataUri"].endswith("/football/")


def test_an_archive_is_unpacked_first(command, workspace, blobs, folder):
    archive = shutil.make_archive(str(folder.parent / "photos"), "zip", folder)

    assert command("upload", archive).status == 0
    assert len(stored(blobs)) == 20


@pytest.mark.parametrize(("name", "says"), [("nowhere", "does not exist"), ("football", "no cat")])
def test_what_is_no_folder_of_categories_is_refused_before_anything_is_sent(
    command, workspace, folder, name, says
):
    done = command("upload", folder / name)

    assert done.status == 1
    assert says in done.err
    assert done.err.count("\n") == 1


def test_without_a_workspace_setup_is_named(command, azure, blobs, folder):
    done = command("upload", folder)

    assert done.status == 1
    assert "python -m azure_ml setup" in done.err
