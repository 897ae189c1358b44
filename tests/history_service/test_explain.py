"""POST /predict?explain=true: a heat map of why, for who asks and for nobody else."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
from uploading import BLUE, RED, WHITE, picture, upload
from waiting import wait_until

EXPLAIN = {"explain": "true"}
KEY = {"Idempotency-Key": "order-66"}


def explained(client, *pictures: bytes, **options):
    return upload(client, *pictures, query_string=EXPLAIN, **options)


def brightness(heat_map: list[list[float]]) -> float:
    return heat_map[0][0]


def test_who_asks_gets_a_map_of_rows_of_numbers(client):
    answer = explained(client, picture(RED)).json
    assert [len(row) for row in answer["heat_map"]] == [4, 4, 4]
    assert all(isinstance(value, float) for row in answer["heat_map"] for value in row)
    assert answer["predicted_label"] == "basketball"


@pytest.mark.parametrize("query", [{}, {"explain": "false"}])
def test_who_does_not_ask_gets_none_and_the_model_is_not_troubled(client, scoring_server, query):
    answer = upload(client, picture(RED), query_string=query).json
    assert "heat_map" not in answer
    assert scoring_server.control()["explained"] == 0


@pytest.mark.parametrize("text", ["", "yes", "1", "True", "[]"])
def test_rubbish_is_422_and_stores_nothing(client, text):
    response = upload(client, picture(), query_string={"explain": text})
    assert (response.status_code, response.json["code"]) == (422, "invalid_parameter")
    assert "explain" in response.json["detail"]
    assert client.get("/predictions").json["total"] == 0


def test_a_map_is_not_stored(client):
    answer = explained(client, picture(RED)).json
    stored = client.get(f"/predictions/{answer['id']}").json
    assert stored == {name: value for name, value in answer.items() if name != "heat_map"}


def test_a_model_that_cannot_say_why_answers_null(client, scoring_server):
    scoring_server.control(older=True)
    answer = explained(client, picture(RED)).json
    assert answer["heat_map"] is None
    assert answer["predicted_label"] == "basketball"


def test_each_of_several_pictures_has_its_own_map(client):
    answers = explained(client, picture(BLUE), b"bad", *[picture(WHITE)] * 9).json["predictions"]
    dark, bad, *bright = answers
    assert "heat_map" not in bad
    assert {brightness(one["heat_map"]) for one in bright} == {204.5}
    assert brightness(dark["heat_map"]) < 0


def test_answers_with_maps_fit_their_schema(client, scoring_server):
    spec = client.get("/openapi.json").json
    schema = spec["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]
    validator = jsonschema.Draft202012Validator(
        {**schema["schema"], "components": spec["components"]}
    )
    validator.validate(explained(client, picture()).json)
    validator.validate(explained(client, picture(), b"bad").json)
    scoring_server.control(older=True)
    validator.validate(explained(client, picture()).json)


def test_a_repeat_gives_the_stored_answer_with_the_map_made_anew(client, scoring_server):
    first = upload(client, picture(RED), headers=KEY).json
    again = explained(client, picture(RED), headers=KEY).json
    assert brightness(again.pop("heat_map")) > 0
    assert again == first
    assert client.get("/predictions").json["total"] == 1
    assert client.get("/stats").json["total_predictions"] == 1
    assert scoring_server.control()["calls"] == 2


def test_a_repeat_has_no_map_where_another_model_would_explain_it(client, scoring_server):
    first = upload(client, picture(RED), headers=KEY).json
    scoring_server.control(version="4")
    assert explained(client, picture(RED), headers=KEY).json == {**first, "heat_map": None}


def test_a_repeat_cannot_be_explained_while_the_model_is_away(client, scoring_server):
    first = upload(client, picture(RED), headers=KEY).json
    scoring_server.control(status=503)
    response = explained(client, picture(RED), headers=KEY)
    assert (response.status_code, response.json["code"]) == (503, "model_unavailable")
    assert upload(client, picture(RED), headers=KEY).json == first


def test_another_picture_under_the_same_key_is_409_and_is_not_explained(client, scoring_server):
    upload(client, picture(RED), headers=KEY)
    response = explained(client, picture(BLUE), headers=KEY)
    assert (response.status_code, response.json["code"]) == (409, "key_reused")
    assert scoring_server.control()["explained"] == 0


def test_who_is_explained_slowly_holds_nobody_up(app, scoring_server):
    scoring_server.control(explain_delay_s=2)
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(explained, app.test_client(), picture(RED)) for _ in range(3)]
        wait_until(lambda: scoring_server.control()["explained"])
        started = time.monotonic()
        assert upload(app.test_client(), picture(BLUE)).status_code == 200
        assert time.monotonic() - started < 1
        assert not any(one.done() for one in slow)
        assert {one.result().status_code for one in slow} == {200}


def test_many_who_are_explained_slowly_leave_threads_for_others(make_app, scoring_server):
    app = make_app(THREADS=8)
    scoring_server.control(explain_delay_s=0.3)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: explained(app.test_client(), picture()), range(12)))
    assert {answer.status_code for answer in answers} == {200, 503}
    refused = {answer.json["code"] for answer in answers if answer.status_code == 503}
    assert refused == {"queue_full"}


def test_requests_at_the_same_time_are_never_mixed_up(app, scoring_server):
    def send(number: int):
        ask = explained if number % 3 == 0 else upload
        colour = WHITE if number % 2 else BLUE
        return number, ask(app.test_client(), picture(colour)).json

    scoring_server.control(delay_s=0.02)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(48)))
    for number, answer in answers:
        assert answer["predicted_label"] == ("basketball" if number % 2 else "tennis_ball")
        assert ("heat_map" in answer) == (number % 3 == 0)
        if "heat_map" in answer:
            assert (brightness(answer["heat_map"]) > 0) == bool(number % 2)
    assert scoring_server.control()["explained"] == 16


@pytest.mark.parametrize(
    "heat_map",
    [
        *([], [[]], [[1, 2], [3]], [1, 2], "text", {}, 7, True, [[[1]]]),
        *([["1"]], [[None]], [[True]], [[float("nan")]], [[float("inf")]], [[10**400]]),
    ],
)
def test_an_ill_formed_map_is_502_and_the_service_stays_ready(client, scoring_server, heat_map):
    assert client.get("/health/ready").status_code == 200
    row = {"label": "x", "confidence": 1, "scores": {"x": 1}, "model": {}, "error": None}
    scoring_server.control(body=json.dumps({"predictions": [{**row, "heat_map": heat_map}]}))
    response = explained(client, picture())
    assert (response.status_code, response.json["code"]) == (502, "model_bad_answer")
    assert client.get("/health/ready").status_code == 200
    assert client.get("/predictions").json["total"] == 0


def test_a_form_field_of_that_name_asks_for_nothing(client):
    data = {"img": (io.BytesIO(picture()), "ball.png"), "explain": "true"}
    assert "heat_map" not in client.post("/predict", data=data).json
