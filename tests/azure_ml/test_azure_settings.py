"""Settings, errors and prices by themselves: no Azure is needed for these."""

import pytest
import yaml
from azure.core.exceptions import ServiceRequestError

from azure_ml import assets, prices, settings
from azure_ml.errors import AzureMlError, explain


def test_the_defaults_are_the_documented_names():
    names = settings.read({})

    assert (names.resource_group, names.workspace) == ("mlops-examen-rg", "mlops-sports-ball-ws")
    assert (names.location, names.cluster) == ("westeurope", "sports-ball-cluster")


def test_the_environment_wins():
    names = settings.read({"AZURE_ML_WORKSPACE": "mine", "AZURE_SUBSCRIPTION_ID": "s"})

    assert (names.workspace, names.subscription) == ("mine", "s")


@pytest.mark.parametrize("name", ["", "a b", "x/../y", "-", "$(date)", "a" * 100])
def test_a_name_that_azure_cannot_have_is_refused(name):
    with pytest.raises(AzureMlError, match="is no name on Azure"):
        settings.read({"AZURE_ML_WORKSPACE": name})


def test_an_unknown_setting_is_named(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(settings.FILE.read_text() + 'colour = "red"\n')

    with pytest.raises(AzureMlError, match="colour is no setting"):
        settings.read({}, file)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (AzureMlError("what to do"), "what to do"),
        (ServiceRequestError("name not resolved"), "goes on where it stopped"),
        (ConnectionResetError("reset"), "goes on where it stopped"),
        (KeyError("x"), "--verbose shows where"),
    ],
)
def test_every_error_is_one_line(error, says):
    line = explain(error)

    assert says in line
    assert "\n" not in line


def test_the_price_is_linuxs_and_not_spots(azure):
    assert prices.hourly("Standard_F8s_v2", "westeurope") == 0.39


def test_a_price_that_is_not_there_is_said_to_be_unknown(azure):
    azure.fail("GET", "/retail/prices", 500, "Ill", "ill")

    said = prices.sentence("Standard_F8s_v2", "westeurope")

    assert "price not known" in said
    assert prices.CALCULATOR in said


def test_the_files_name_what_the_settings_name():
    names = settings.read({})
    files = {
        "workspace.yaml": names.workspace,
        "compute.yaml": names.cluster,
        "compute_gpu.yaml": names.gpu_cluster,
        "endpoints/online.yaml": names.online_endpoint,
        "endpoints/batch.yaml": names.batch_endpoint,
    }
    for file, name in files.items():
        assert yaml.safe_load((assets.FOLDER / file).read_text())["name"] == name
