"""Whatever the scoring server does, a client gets a problem with a stable code, and soon."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from real_parts import free_port
from uploading import BLUE, RED, picture, upload


def test_a_model_that_is_down_is_503_with_retry_after(make_app):
    client = make_app(SCORING_URL=f"http://127.0.0.1:{free_port()}").test_client()
    response = upload(client, picture())
    assert (response.status_code, response.json["code"]) == (503, "model_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/ready?model=false").json == {"status": "ready"}
    assert client.get("/health/live").status_code == 200
    assert client.get("/categories").status_code == 503
    assert client.get("/").json["model_loaded"] is False


def test_a_model_that_is_slow_is_504_at_the_deadline(make_app, scoring_server):
    client = make_app(DEADLINE_S=0.3).test_client()
    scoring_server.control(delay_s=2)
    started = time.monotonic()
    response = upload(client, picture())
    assert (response.status_code, response.json["code"]) == (504, "model_too_slow")
    assert time.monotonic() - started < 1


def test_those_who_wait_behind_a_slow_call_are_504_at_their_own_deadline(make_app, scoring_server):
    app = make_app(DEADLINE_S=0.5)
    scoring_server.control(delay_s=3)
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: upload(app.test_client(), picture()), range(6)))
    assert {answer.status_code for answer in answers} == {504}
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        '{"predictions": []}',
        '{"predictions": [{}]}',
        '{"predictions": [{"label": "x", "confidence": NaN, "scores": {"x": NaN}, "model": {}, '
        '"error": null}]}',
        '{"predictions": [{"label": "y", "confidence": 1, "scores": {"x": 1}, "model": {}, '
        '"error": null}]}',
        '{"predictions": [{"error": {"code": "news", "message": ""}}]}',
        '{"predictions": [{"label": "\\u0000", "confidence": 1, "scores": {"\\u0000": 1}, '
        '"model": {}, "error": null}]}',
        '{"predictions": [{"label": "\\ud800", "confidence": 1, "scores": {"\\ud800": 1}, '
        '"model": {}, "error": null}]}',
        '{"predictions": [{"label": "x", "confidence": 1, "scores": {"x": 1}, '
        '"model": {"version": "1\\u0000"}, "error": null}]}',
    ],
)
def test_nonsense_is_502_and_is_not_passed_on(client, scoring_server, body):
    scoring_server.control(body=body)
    response = upload(client, picture())
    assert (response.status_code, response.json["code"]) == (502, "model_bad_answer")


def test_a_stack_trace_is_not_passed_on(client, scoring_server):
    scoring_server.control(status=400, body='{"stack_trace": "Traceback in /secret/path.py"}')
    response = upload(client, picture())
    assert response.status_code == 502
    assert "secret" not in response.text


def test_a_picture_that_the_model_chokes_on_takes_only_itself_down(client, scoring_server):
    scoring_server.control(chokes=True)
    answer = upload(client, picture(BLUE), picture(RED), picture(BLUE)).json["predictions"]
    assert [one.get("predicted_label") for one in answer] == ["tennis_ball", None, "tennis_ball"]
    assert answer[1]["problem"]["code"] == "model_bad_answer"


def test_a_full_queue_is_503_with_retry_after(make_app, scoring_server):
    app = make_app(QUEUE_MAX=2, BATCH_MAX=1, DEADLINE_S=5)
    scoring_server.control(delay_s=0.3)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: upload(app.test_client(), picture()), range(8)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.json["code"] for answer in refused} == {"queue_full"}
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)
    assert {answer.status_code for answer in answers} == {200, 503}


def test_a_model_without_a_version_is_known_by_its_run(client, scoring_server):
    scoring_server.control(version=None)
    assert upload(client, picture()).json["model_version"] == "01234567"


def test_a_new_version_of_the_model_shows_at_once_after_a_prediction(client, scoring_server):
    upload(client, picture())
    scoring_server.control(version="4")
    upload(client, picture())
    assert client.get("/").json["model"]["version"] == "4"


def test_everything_else_works_while_the_model_is_away(make_app):
    client = make_app(SCORING_URL=f"http://127.0.0.1:{free_port()}").test_client()
    assert client.get("/predictions").status_code == 200
    assert client.get("/stats").json["model_loaded"] is False
    assert client.get("/health").json["status"] == "degraded"
