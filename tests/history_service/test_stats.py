"""Statistics come from roll-ups and always equal a full count of the history."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from uploading import BLUE, RED, picture, upload

from history_service.database import db, write
from history_service.models import (
    DailyRollup,
    Draft,
    HourlyRollup,
    MonthlyRollup,
    Prediction,
    Selection,
    Summary,
    prediction,
)
from history_service.models.rollup import confidence_bin, latency_bin

DRAFT = Draft(
    filename="ball.png",
    predicted_label="football",
    confidence=0.5,
    all_scores={"football": 0.5},
    model_name="balls",
    model_version="1",
    model_run_id="run",
    latency_ms=2.0,
    request_id="request",
    sha256="0" * 64,
    size_bytes=1,
    idempotency_key=None,
    part=0,
)
START = datetime(2024, 2, 27, 21, 30, tzinfo=UTC)

drafts = st.builds(
    replace,
    st.just(DRAFT),
    predicted_label=st.sampled_from(["football", "tennis_ball", "Rugby-Ei ⚽"]),
    model_version=st.sampled_from(["1", "2"]),
    confidence=st.floats(0, 1),
    known=st.sampled_from([None, True, False]),
    latency_ms=st.floats(0, 20_000),
)
moments = st.integers(0, 80) | st.integers(0, 100).map(lambda day: 24 * day)
"""In hours after START: close together, or over months."""

predict = st.tuples(st.just("predict"), st.lists(drafts, min_size=1, max_size=6), moments)
delete = st.tuples(st.just("delete"), st.integers(1, 40), st.none())
prune = st.tuples(st.just("prune"), moments, st.none())


class Clock(datetime):
    """datetime, with now() as the test says."""

    @classmethod
    def now(cls, tz=None):
        return cls.time


def act(kind, what, hours) -> None:
    if kind == "predict":
        Clock.time = START + timedelta(hours=hours)
        with mock.patch.object(prediction, "datetime", Clock), write() as session:
            Prediction.record(session, what)
    elif kind == "delete":
        with write() as session:
            Prediction.delete_one(session, what)
    else:
        Selection(until=START + timedelta(hours=what)).delete_all()


def full_count(rows: list[Prediction]) -> Summary:
    """What the roll-ups ought to say, counted one by one."""
    counted = Summary(None, None, total=len(rows))
    counted.unknown = sum(row.known is False for row in rows)
    counted.confidence_millionths = sum(round(row.confidence * 1_000_000) for row in rows)
    counted.by_label = dict(Counter(row.predicted_label for row in rows))
    counted.by_version = dict(Counter(row.model_version for row in rows))
    counted.by_day = dict(Counter(row.created_at.strftime("%Y-%m-%d") for row in rows))
    for row in rows:
        counted.confidence_histogram[confidence_bin(row.confidence)] += 1
        counted.latency_histogram[latency_bin(row.latency_ms)] += 1
    return counted


@pytest.fixture
def app(make_app, database_url):
    return make_app(DATABASE_URL=database_url)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.one_of(predict, delete, prune), min_size=1, max_size=12))
def test_rollups_equal_a_full_count_whatever_was_predicted_and_deleted(app, actions):
    with app.app_context():
        Selection().delete_all()
        for action in actions:
            act(*action)
        rows = list(db.session.scalars(select(Prediction)))
        assert Summary.of(db.session) == full_count(rows)
        assert Selection().count(db.session) == len(rows)
        for known in (True, False):
            count = Selection(known=known).count(db.session)
            assert count == sum(row.known is known for row in rows)
        for rollup in (HourlyRollup, DailyRollup, MonthlyRollup):
            assert db.session.scalar(select(func.min(rollup.count))) in (None, *range(1, 80))


hours = st.none() | st.integers(-3, 90) | moments


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(predict, min_size=1, max_size=12), hours, hours, st.integers(0, 59))
def test_a_span_has_the_count_and_the_sums_of_its_rows(app, actions, since, until, minute):
    with app.app_context():
        Selection().delete_all()
        for action in actions:
            act(*action)
        begin, end = (
            None if hour is None else START.replace(minute=minute) + timedelta(hours=hour)
            for hour in (since, until)
        )
        rows = list(db.session.scalars(select(Prediction)))
        inside = [
            row
            for row in rows
            if (begin is None or row.created_at >= begin) and (end is None or row.created_at < end)
        ]
        assert Selection(since=begin, until=end).count(db.session) == len(inside)
        assert Selection(since=begin, until=end, label="football").count(db.session) == sum(
            row.predicted_label == "football" for row in inside
        )
        summary = Summary.of(db.session, begin, end)
        full = [
            row
            for row in rows
            if (begin is None or row.created_at >= summary.since)
            and (end is None or row.created_at < summary.until)
        ]
        assert summary == replace(full_count(full), since=summary.since, until=summary.until)


def test_the_promised_fields_are_there(client):
    for colour in (RED, RED, BLUE):
        upload(client, picture(colour))
    stats = client.get("/stats").json
    assert stats["total_predictions"] == 3
    assert stats["unknown_predictions"] == 0
    assert stats["predictions_per_category"] == {"basketball": 2, "tennis_ball": 1}
    assert 0.8 < stats["average_confidence"] < 0.9
    assert stats["model_loaded"] is True
    assert sum(stats["predictions_per_day"].values()) == 3
    assert stats["predictions_per_model_version"] == {"3": 3}
    assert sum(one["count"] for one in stats["confidence_histogram"]) == 3
    assert 0 < stats["model_latency_ms"]["p50"] <= stats["model_latency_ms"]["p95"]


def test_the_low_share_is_what_lies_below_the_setting(client):
    upload(client, picture((200, 190, 180)))
    upload(client, picture(RED))
    assert client.get("/stats").json["low_confidence_share"] == 0.5


def test_a_span_counts_whole_hours_and_says_so(client):
    upload(client, picture())
    stats = client.get("/stats?until=2020-05-05T10:20:30Z").json
    assert (stats["total_predictions"], stats["until"]) == (0, "2020-05-05T11:00:00.000000Z")
    stats = client.get("/stats?since=2020-05-05T10:20:30Z").json
    assert (stats["total_predictions"], stats["since"]) == (1, "2020-05-05T10:00:00.000000Z")


def test_on_full_hours_a_span_counts_what_the_list_shows(client):
    upload(client, picture())
    made = datetime.fromisoformat(client.get("/predictions").json["predictions"][0]["created_at"])
    hour = made.replace(minute=0, second=0, microsecond=0)
    for until, count in ((hour, 0), (hour + timedelta(hours=1), 1)):
        span = {"until": until.isoformat()}
        assert client.get("/stats", query_string=span).json["total_predictions"] == count
        assert client.get("/predictions", query_string=span).json["total"] == count


def test_an_empty_history_has_zeros_and_no_latency(client):
    stats = client.get("/stats").json
    assert (stats["total_predictions"], stats["average_confidence"]) == (0, 0)
    assert stats["model_latency_ms"] == {"p50": None, "p95": None}


@pytest.mark.parametrize("edge", ["9999-12-31T23:30:00Z", "0001-01-01T00:30:00Z"])
@pytest.mark.parametrize("side", ["since", "until"])
@pytest.mark.parametrize("path", ["/stats", "/predictions"])
def test_the_ends_of_time_are_times(client, path, side, edge):
    upload(client, picture())
    assert client.get(path, query_string={side: edge}).status_code == 200
