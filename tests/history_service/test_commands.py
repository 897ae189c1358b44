"""Commands: prune, export, backup, upgrade, keys."""

import csv
import io
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from uploading import BLUE, RED, picture, upload

from history_service.database import db, write
from history_service.models import HourlyRollup, Prediction


@pytest.fixture
def app(make_app, database_url):
    return make_app(DATABASE_URL=database_url, KEEP_IMAGES="thumb")


@pytest.fixture
def run(app):
    return lambda *args: app.test_cli_runner().invoke(args=args)


def make_older(app, prediction_id: int, days: int) -> None:
    """Moves a prediction and its counts into the past."""
    with app.app_context(), write() as session:
        row = session.get(Prediction, prediction_id)
        HourlyRollup.add(session, [row], sign=-1)
        row.created_at = datetime.now(UTC) - timedelta(days=days)
        HourlyRollup.add(session, [row])


def test_prune_deletes_what_is_older_and_keeps_the_counts_right(app, client, run):
    old, new = (upload(client, picture(colour)).json["id"] for colour in (RED, BLUE))
    make_older(app, old, days=91)
    result = run("prune", "--older-than", "90d")
    assert result.output == "1 predictions deleted\n"
    assert [one["id"] for one in client.get("/predictions").json["predictions"]] == [new]
    assert client.get("/stats").json["predictions_per_category"] == {"tennis_ball": 1}
    assert client.get(f"/predictions/{old}/image").status_code == 404


def test_prune_to_the_middle_ages_deletes_nothing_of_today(client, run):
    upload(client, picture())
    assert run("prune", "--older-than", "90000w").output == "0 predictions deleted\n"


@pytest.mark.parametrize("span", ["90", "d", "-1d", "9 days", "999999999d"])
def test_prune_refuses_what_is_no_span(run, span):
    result = run("prune", "--older-than", span)
    assert result.exit_code == 2
    assert "such as 90d" in result.output


def test_export_writes_everything_as_csv_or_as_json_lines(client, run):
    answers = [upload(client, picture()).json for _ in range(3)]
    rows = list(csv.DictReader(io.StringIO(run("export").output)))
    assert [int(row["id"]) for row in rows] == [3, 2, 1]
    lines = run("export", "--format", "jsonl").output.splitlines()
    assert [json.loads(line) for line in lines] == answers[::-1]


def test_a_backup_is_a_whole_database(client, run, tmp_path, app):
    upload(client, picture())
    result = run("backup", str(tmp_path / "copy.db"))
    with app.app_context():
        if db.engine.dialect.name == "postgresql":
            assert "pg_dump" in result.output
            return
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT count(*) FROM predictions").fetchone() == (1,)
    copy.close()


def test_upgrade_has_nothing_to_do_the_second_time(run):
    assert run("upgrade").output == "nothing to do\n"


def test_make_key_shows_the_key_and_the_line_to_store(run):
    output = run("make-key", "ci", "--scopes", "read,delete").output
    assert ":read+delete:" in output
    assert run("make-key", "ci", "--scopes", "fly").exit_code == 2
