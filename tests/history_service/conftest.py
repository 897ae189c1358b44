"""What the tests of the history service share: applications, clients, pictures and real servers."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from browsing import axe_source, chromium
from real_parts import gunicorn, postgres_cluster, postgres_programs, stand_in_model
from sqlalchemy import create_engine, text

from history_service import create_app
from history_service.database import db
from history_service.keys import make_key
from history_service.schema_version import upgrade


@pytest.fixture(scope="session")
def stand_in():
    with stand_in_model() as server:
        yield server


@pytest.fixture(scope="session")
def scoring_url(stand_in):
    """A scoring server with any model: that of TEST_SCORING_URL where one runs, else the stand-in.

    For tests that hold whatever the model's categories are.
    """
    return os.environ.get("TEST_SCORING_URL", stand_in.url)


@pytest.fixture
def scoring_server(stand_in):
    """The stand-in, well-behaved at the start of each test, and for those that only ask it."""
    stand_in.reset()
    yield stand_in
    stand_in.reset()


@pytest.fixture(scope="session")
def postgres_url():
    """A PostgreSQL that the tests start themselves; skips where none is installed."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="history-postgres-"))
    try:
        with postgres_cluster(programs, folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty_postgres(url: str) -> str:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    return empty_postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
def make_app(tmp_path, scoring_server):
    """Builds applications with settings; SQLite unless DATABASE_URL says otherwise."""
    apps = []

    def make(**settings):
        settings.setdefault("DATABASE_URL", f"sqlite:///{tmp_path}/history.db")
        settings.setdefault("SCORING_URL", scoring_server.url)
        settings.setdefault("LOG_LEVEL", "error")
        app = create_app(settings)
        upgrade(app)
        apps.append(app)
        return app

    yield make
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def key_and_line():
    """A key with every right, and the line that lets it in."""
    return make_key("tester", ["read", "predict", "delete"])


@pytest.fixture
def keyed_client(make_app, key_and_line):
    """A client of a service that knows the key of `key_header`."""
    return make_app(API_KEYS=key_and_line[1]).test_client()


@pytest.fixture(scope="session")
def key_header(key_and_line):
    return {"Authorization": f"Bearer {key_and_line[0]}"}


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory, stand_in, key_and_line):
    """The address of the service with thumbnails and a key, for all tests of a file."""
    folder = tmp_path_factory.mktemp("page")
    environment = {
        "DATABASE_URL": f"sqlite:///{folder}/history.db",
        "SCORING_URL": stand_in.url,
        "KEEP_IMAGES": "thumb",
        "API_KEYS": key_and_line[1],
    }
    with gunicorn(**environment) as (url, _):
        yield url


@pytest.fixture
def page(browser, service, scoring_server):
    """A tab on the page; fails where the page itself logs an error."""
    context = browser.new_context(base_url=service)
    tab = context.new_page()
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda line: errors.append(line.text) if "Security" in line.text else None)
    tab.goto("/")
    yield tab
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    return axe_source(tmp_path_factory.mktemp("axe"))
