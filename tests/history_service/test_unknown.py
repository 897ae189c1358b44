"""Pictures that look like none of the categories: answered, kept, found and counted as such."""

import csv
import io
import json

import pytest
from uploading import BLUE, RED, WHITE, picture, upload


@pytest.fixture
def app(make_app, database_url, key_and_line):
    return make_app(DATABASE_URL=database_url, API_KEYS=key_and_line[1])


@pytest.fixture
def mixed(client, scoring_server):
    """Numbers 1 and 2 are unknown, 3 and 4 known, 5 and 6 of a model that cannot tell."""
    for older, colours in ((False, (WHITE, WHITE, RED, BLUE)), (True, (WHITE, RED))):
        scoring_server.control(older=older)
        for colour in colours:
            upload(client, picture(colour))
    return client


def ids(response) -> list[int]:
    return [one["id"] for one in response.json["predictions"]]


def test_an_unknown_picture_is_answered_with_a_guess_and_said_to_be_unknown(client):
    answer = upload(client, picture(WHITE)).json
    assert (answer["known"], answer["unknown_score"]) == (False, 1.0)
    assert answer["predicted_label"] == "basketball"
    assert client.get(f"/predictions/{answer['id']}").json == answer


def test_a_known_picture_is_said_to_be_known(client):
    answer = upload(client, picture(RED)).json
    assert answer["known"] is True
    assert 0 <= answer["unknown_score"] <= 0.95


def test_a_model_that_cannot_tell_leaves_both_null(client, scoring_server):
    scoring_server.control(older=True)
    answer = upload(client, picture(WHITE)).json
    assert (answer["known"], answer["unknown_score"]) == (None, None)
    assert client.get(f"/predictions/{answer['id']}").json == answer


def test_the_filter_selects_known_or_unknown_ones_and_neither_holds_who_cannot_be_told(mixed):
    for query, found in {"known=true": [4, 3], "known=false": [2, 1]}.items():
        response = mixed.get(f"/predictions?{query}")
        assert ids(response) == found
        assert response.json["total"] == len(found)
    assert mixed.get("/predictions").json["total"] == 6


def test_the_filter_goes_with_others_and_with_cursors(mixed):
    assert ids(mixed.get("/predictions?known=false&label=tennis_ball")) == []
    assert mixed.get("/predictions?known=false&label=basketball").json["total"] == 2
    first = mixed.get("/predictions?known=false&limit=1").json
    assert ids(mixed.get(f"/predictions?known=false&cursor={first['next']}")) == [1]


@pytest.mark.parametrize("text", ["maybe", "1", "True", ""])
def test_another_value_of_the_filter_is_422(client, text):
    response = client.get(f"/predictions?known={text}")
    assert (response.status_code, response.json["code"]) == (422, "invalid_parameter")


def test_csv_tells_known_unknown_and_cannot_be_told_apart(mixed):
    rows = list(csv.DictReader(io.StringIO(mixed.get("/predictions.csv").text)))
    assert [row["known"] for row in rows] == ["", "", "true", "true", "false", "false"]
    assert [row["unknown_score"] for row in rows[:2] + rows[4:]] == ["", "", "1.0", "1.0"]


def test_statistics_count_unknown_ones_and_follow_when_they_are_deleted(mixed, key_header):
    assert mixed.get("/stats").json["unknown_predictions"] == 2
    assert mixed.delete("/predictions/1", headers=key_header).status_code == 200
    assert mixed.get("/stats").json["unknown_predictions"] == 1
    deleted = mixed.delete("/predictions?known=false", headers=key_header)
    assert deleted.json == {"deleted": 1}
    stats = mixed.get("/stats").json
    assert (stats["total_predictions"], stats["unknown_predictions"]) == (4, 0)


def test_metrics_count_unknown_ones_by_version_of_the_model(mixed):
    assert 'unknown_predictions_total{model_version="3"} 2.0' in mixed.get("/metrics").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"known": "false"},
        {"known": 0},
        {"known": []},
        {"unknown_score": "0.5"},
        {"unknown_score": True},
        {"unknown_score": 1.5},
        {"unknown_score": -0.2},
        {"unknown_score": float("nan")},
        {"unknown_score": 10**400},
    ],
)
def test_a_model_that_says_it_in_a_wrong_way_is_502(client, scoring_server, wrong):
    row = {"label": "x", "confidence": 1, "scores": {"x": 1}, "model": {}, "error": None}
    scoring_server.control(body=json.dumps({"predictions": [{**row, **wrong}]}))
    response = upload(client, picture())
    assert (response.status_code, response.json["code"]) == (502, "model_bad_answer")
    assert client.get("/predictions").json["total"] == 0
