"""The schema: made once, upgraded once, refused where it is newer, and equal to the models."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from real_parts import ROOT
from sqlalchemy import text

from history_service import create_app
from history_service.database import db
from history_service.schema_version import SchemaTooNew, upgrade


@pytest.fixture
def bare_app(database_url, scoring_server):
    app = create_app({"DATABASE_URL": database_url, "SCORING_URL": scoring_server.url})
    yield app
    with app.app_context():
        db.engine.dispose()


def test_migrations_and_models_say_the_same(bare_app):
    upgrade(bare_app)
    with bare_app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_a_newer_schema_is_refused_with_what_to_do(bare_app):
    upgrade(bare_app)
    with bare_app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="newer than this program"):
        upgrade(bare_app)


def test_replicas_that_start_at_once_upgrade_once(database_url):
    program = (
        "from history_service import create_app, schema_version;"
        f"print(schema_version.upgrade(create_app({{'DATABASE_URL': {database_url!r}}})))"
    )

    def start(_):
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(4) as pool:
        outputs = sorted(output.strip() for output in pool.map(start, range(4)))
    assert outputs == ["0005", "None", "None", "None"]
