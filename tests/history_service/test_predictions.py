"""The history: listing, filters, cursors, CSV, pictures, deletion; on SQLite and PostgreSQL."""

import csv
import io
import time
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy.orm import Session
from uploading import BLUE, GREEN, RED, picture, upload

from history_service.database import db, read
from history_service.models.rollup import HourlyRollup
from history_service.models.selection import Selection


@pytest.fixture
def app(make_app, database_url, key_and_line):
    return make_app(DATABASE_URL=database_url, API_KEYS=key_and_line[1], KEEP_IMAGES="thumb")


@pytest.fixture
def filled(client):
    """A client whose history holds ten predictions, number 1 the oldest."""
    for number in range(1, 11):
        colour = RED if number % 2 else BLUE
        upload(client, picture(colour), filename=f"Ball_{number}%.png")
    return client


def ids(response) -> list[int]:
    return [one["id"] for one in response.json["predictions"]]


def test_newest_come_first(filled):
    response = filled.get("/predictions")
    assert ids(response) == list(range(10, 0, -1))
    assert response.json["total"] == 10
    assert response.json["next"] is None


def test_skip_and_limit_cut_a_window(filled):
    assert ids(filled.get("/predictions?skip=2&limit=3")) == [8, 7, 6]


def test_the_cursor_walks_through_everything_once(filled):
    seen, cursor = [], ""
    while cursor is not None:
        response = filled.get("/predictions", query_string={"limit": 3, "cursor": cursor or None})
        seen += ids(response)
        cursor = response.json["next"]
    assert seen == list(range(10, 0, -1))


def test_a_cursor_is_not_shifted_by_newer_rows(filled):
    cursor = filled.get("/predictions?limit=4").json["next"]
    upload(filled, picture())
    assert ids(filled.get(f"/predictions?limit=2&cursor={cursor}")) == [6, 5]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00.000000+2359", "2026-01-01", "9"])
def test_a_cursor_with_another_time_is_refused(client, time):
    forged = urlsafe_b64encode(f"{time} 1".encode()).decode()
    assert client.get("/predictions", query_string={"cursor": forged}).status_code == 422


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"label": "basketball"}, 5),
        ({"label": "no such"}, 0),
        ({"min_confidence": 0.5}, 10),
        ({"max_confidence": 0.5}, 0),
        ({"model_version": "3", "label": "tennis_ball"}, 5),
        ({"model_version": "4"}, 0),
        ({"filename": "ball_1"}, 2),
        ({"filename": "%"}, 10),
        ({"filename": "_1%."}, 1),
        ({"since": "2020-01-01T00:00:00Z"}, 10),
        ({"until": "2020-01-01T00:00:00+02:00"}, 0),
        ({"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}, 10),
    ],
)
def test_filters_select(filled, query, found):
    response = filled.get("/predictions", query_string=query)
    assert response.status_code == 200, response.text
    assert response.json["total"] == found
    assert len(response.json["predictions"]) == found


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "skip=-1", "cursor=nonsense", "cursor=MjAyNg==",
     "min_confidence=2", "since=yesterday", "label=%00", "min_confidence=nan"],
)  # fmt: skip
def test_a_bad_parameter_is_422_and_named(client, query):
    response = client.get(f"/predictions?{query}")
    assert (response.status_code, response.json["code"]) == (422, "invalid_parameter")
    assert query.split("=")[0] in response.json["detail"]


def test_an_unknown_number_is_404(client):
    for path in ("/predictions/7", "/predictions/99999999999999999999", "/predictions/7/image"):
        assert client.get(path).status_code == 404


def test_csv_holds_the_same_selection_and_is_safe_in_a_spreadsheet(client):
    upload(client, picture(RED), filename="=1+1.png")
    upload(client, picture(BLUE), filename="b,c.png")
    response = client.get("/predictions.csv?label=basketball")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert response.mimetype == "text/csv"
    assert [row["filename"] for row in rows] == ["'=1+1.png"]


def test_the_kept_thumbnail_is_small_and_a_jpeg(client):
    number = upload(client, picture(GREEN, size=(1200, 600))).json["id"]
    response = client.get(f"/predictions/{number}/image")
    thumbnail = Image.open(io.BytesIO(response.data))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (256, 128))


def test_deleting_a_prediction_deletes_its_picture_and_its_counts(client, key_header):
    kept, gone = (upload(client, picture(c)).json["id"] for c in (RED, BLUE))
    response = client.delete(f"/predictions/{gone}", headers=key_header)
    assert (response.status_code, response.json) == (200, {"deleted": 1})
    assert client.get(f"/predictions/{gone}").status_code == 404
    assert client.get(f"/predictions/{gone}/image").status_code == 404
    assert client.get("/stats").json["predictions_per_category"] == {"basketball": 1}
    assert client.get(f"/predictions/{kept}/image").status_code == 200
    assert client.delete(f"/predictions/{gone}", headers=key_header).status_code == 404


def test_a_deleted_number_is_never_given_again(client, key_header):
    gone = upload(client, picture()).json["id"]
    client.delete(f"/predictions/{gone}", headers=key_header)
    assert upload(client, picture()).json["id"] > gone


def test_a_name_is_found_however_its_accents_are_written(client):
    upload(client, picture(), filename="bal\u00f3n.png")
    found = client.get("/predictions", query_string={"filename": "balo\u0301n"})
    assert found.json["total"] == 1


def test_two_deletions_at_once_leave_nothing(app, filled):
    def delete(session):
        return Selection().delete_batch(session, 5)

    with app.app_context():
        engine = db.engine
    with ThreadPoolExecutor(1) as pool, Session(engine) as one, Session(engine) as other:
        assert delete(one) == 5
        second = pool.submit(delete, other)
        time.sleep(0.3)  # for the second to come upon what the first holds
        one.commit()
        assert second.result() == 5
        other.commit()
    assert filled.get("/predictions").json["total"] == 0


def test_a_deletion_over_several_hours_and_a_prediction_do_not_block_each_other(app, filled):
    now = datetime.now(UTC).replace(day=15, hour=12)
    about = {"model_version": "3", "predicted_label": "x", "confidence": 0.5, "latency_ms": 2.0}
    earlier, present = (
        [SimpleNamespace(**about, known=True, created_at=now + timedelta(hours=i))] for i in (0, 1)
    )
    with app.app_context():
        engine = db.engine.execution_options(writes=True)
    with Session(engine) as session, session.begin():
        HourlyRollup.add(session, [*earlier, *present])

    with ThreadPoolExecutor(1) as pool, Session(engine) as deletes, Session(engine) as predicts:
        HourlyRollup.add(deletes, earlier, sign=-1)
        second = pool.submit(HourlyRollup.add, predicts, present)
        time.sleep(0.3)  # for it to hold what it can
        HourlyRollup.add(deletes, present, sign=-1)
        deletes.commit()
        second.result()
        predicts.commit()

    per_category = filled.get("/stats").json["predictions_per_category"]
    assert per_category == {"basketball": 5, "tennis_ball": 5, "x": 1}


def test_who_takes_a_page_slowly_holds_no_connection(app, filled):
    with app.app_context():
        pages = Selection().pages(read(), size=3)
        first = next(pages)
        assert db.engine.pool.checkedout() == 0
        rest = [row.id for rows in pages for row in rows]
    assert ([row.id for row in first], rest) == ([10, 9, 8], list(range(7, 0, -1)))


def test_deleting_many_takes_the_same_filters(filled, key_header):
    response = filled.delete("/predictions?label=basketball", headers=key_header)
    assert response.json == {"deleted": 5}
    assert set(filled.get("/stats").json["predictions_per_category"]) == {"tennis_ball"}
    assert filled.delete("/predictions", headers=key_header).json == {"deleted": 5}
    assert filled.get("/predictions").json["total"] == 0
