"""Settings: one table, checked at the start."""

import pytest
from sqlalchemy import make_url

from history_service.setting_types import SettingError, database_url
from history_service.settings import SETTINGS, load_settings


def test_every_default_is_a_value_that_could_be_set():
    loaded = load_settings({}, {})
    for setting in SETTINGS:
        if isinstance(setting.default, str):
            assert setting.read(setting.default) == loaded[setting.name]
        elif not isinstance(setting.default, (bool, tuple)):
            assert setting.read(str(setting.default)) == setting.default


def test_the_environment_goes_before_the_default_and_arguments_before_both():
    environ = {"PORT": "9000", "THREADS": "3"}
    loaded = load_settings({"PORT": 9100}, environ)
    assert (loaded["PORT"], loaded["THREADS"]) == (9100, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("THREADS", "0"),
        ("DEADLINE_S", "-1"),
        ("KEEP_IMAGES", "some"),
        ("REQUIRE_KEY", "maybe"),
        ("UNSURE_BELOW", "0.61"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite:///:memory:"),
    ],
)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(SettingError, match=name):
        load_settings({}, {name: value})


def test_postgresql_means_psycopg_3():
    assert database_url("postgresql://u@h/d") == "postgresql+psycopg://u@h/d"
    assert database_url("postgres://u@h/d") == "postgresql+psycopg://u@h/d"


def test_the_password_of_the_database_may_come_in_a_file_of_its_own(tmp_path):
    (tmp_path / "password").write_text("p@ss/word\n")
    environ = {
        "DATABASE_URL": "postgresql://history@db/history",
        "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
    }

    loaded = load_settings({}, environ)

    assert make_url(loaded["DATABASE_URL"]).password == "p@ss/word"


def test_a_file_of_the_password_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"DATABASE_PASSWORD_FILE=.*No such file"):
        load_settings({}, {"DATABASE_PASSWORD_FILE": str(tmp_path / "nothing")})
