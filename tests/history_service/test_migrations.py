"""An existing database is upgraded with all that is in it, while older replicas still write."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.config import Config
from conftest import empty_postgres
from sqlalchemy import Table, text
from uploading import RED, WHITE, picture, upload

from history_service import create_app
from history_service.database import db, write
from history_service.models.rollup import HourlyRollup
from history_service.schema_version import MIGRATIONS, upgrade

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
AGES_AGO = datetime(2020, 5, 5, 10, tzinfo=UTC)
ADDED = {"known", "unknown_score", "unknown_count"}


@pytest.fixture
def old_app(database_url, scoring_server):
    """A service over a database that version 0001 of the schema left, with two predictions."""
    app = create_app({"DATABASE_URL": database_url, "SCORING_URL": scoring_server.url})
    with app.app_context(), db.engine.begin() as connection:
        migrate(connection, "0001")
        write_as_0001(connection, AGES_AGO)
        write_as_0001(connection, NOW)
    yield app
    with app.app_context():
        db.engine.dispose()


def migrate(connection, version: str, direction=command.upgrade) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    direction(config, version)


def write_as_0001(connection, time: datetime) -> None:
    """A prediction and its counts, as the program of version 0001 wrote them."""
    named = {"created_at": time, "hour": time, "day": f"{time:%Y-%m-%d}", "model_version": "3"}
    named |= {"predicted_label": "basketball", "label": "basketball", "all_scores": {"x": 1.0}}
    named |= {"confidence": 0.5, "count": 1, "confidence_millionths": 500_000, "latency_ms": 2.0}
    for name in ("predictions", "hourly_rollups"):
        table: Table = db.metadata.tables[name]
        columns = [c for c in table.columns if c.name not in ADDED | {"id", "idempotency_key"}]
        row = {c.name: named.get(c.name, 0 if "INT" in str(c.type) else "x") for c in columns}
        connection.execute(table.insert().values(row))


def test_rows_and_sums_survive_and_what_nobody_asked_then_is_null(old_app):
    assert upgrade(old_app) == "0005"
    client = old_app.test_client()
    kept = client.get("/predictions").json
    assert (kept["total"], [one["id"] for one in kept["predictions"]]) == (2, [2, 1])
    assert {(one["known"], one["unknown_score"]) for one in kept["predictions"]} == {(None, None)}
    stats = client.get("/stats").json
    assert (stats["total_predictions"], stats["unknown_predictions"]) == (2, 0)
    assert stats["average_confidence"] == 0.5


def test_new_predictions_are_counted_into_the_sums_of_before(old_app):
    upgrade(old_app)
    client = old_app.test_client()
    for colour in (WHITE, RED):
        assert upload(client, picture(colour)).status_code == 200
    stats = client.get("/stats").json
    assert (stats["total_predictions"], stats["unknown_predictions"]) == (4, 1)
    assert client.get("/predictions?known=false").json["total"] == 1


def test_a_replica_of_the_older_program_can_still_write(old_app):
    upgrade(old_app)
    with old_app.app_context(), db.engine.begin() as connection:
        write_as_0001(connection, datetime(2021, 5, 5, 10, tzinfo=UTC))
    stats = old_app.test_client().get("/stats").json
    assert (stats["total_predictions"], stats["unknown_predictions"]) == (3, 0)


def test_the_way_back_keeps_the_rows(old_app):
    upgrade(old_app)
    with old_app.app_context(), db.engine.begin() as connection:
        migrate(connection, "0001", command.downgrade)
        assert connection.exec_driver_sql("SELECT count(*) FROM predictions").scalar() == 2


@pytest.mark.postgres
def test_postgresql_changes_sums_in_place(make_app, postgres_url):
    """Else tables of a few hundred sums grow with every prediction, and their indices too."""
    app = make_app(DATABASE_URL=empty_postgres(postgres_url))
    about = {"created_at": NOW, "model_version": "3", "confidence": 0.5, "latency_ms": 2.0}
    several = [
        SimpleNamespace(**about, known=True, predicted_label=f"category {i}") for i in range(200)
    ]
    with app.app_context():
        for _ in range(3):
            with write() as session:
                HourlyRollup.add(session, several)
        for name in ("hourly_rollups", "daily_rollups", "monthly_rollups"):
            assert updates_of(name, at_least=400) == (400, 400)


def updates_of(table: str, at_least: int) -> tuple[int, int]:
    """How often rows were changed so far, and how often beside themselves."""
    query = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = :name"
    for _ in range(100):
        db.engine.dispose()  # a session hands its counts in when it ends
        found = tuple(db.session.execute(text(query), {"name": table}).one())
        db.session.rollback()
        if found[0] >= at_least:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{table} was changed {found[0]} times only")
