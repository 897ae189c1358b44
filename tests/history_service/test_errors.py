"""Every failure is a problem with a stable code; nothing of the inside shows."""

import pytest
from sqlalchemy import text
from uploading import picture, upload

from history_service.database import db
from history_service.errors import as_problem


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("PUT", "/predict", 405, "method_not_allowed"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("GET", "/predictions/x", 404, "not_found"),
        ("GET", "/static/../app.py", 404, "not_found"),
    ],
)
def test_http_errors_are_problems(client, method, path, status, code):
    response = client.open(path, method=method)
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert response.json["code"] == code
    assert response.json["status"] == status
    assert response.json["detail"]
    assert response.json["request_id"] == response.headers["X-Request-ID"]


def test_405_says_what_is_allowed(client):
    assert "POST" in client.get("/predict").headers["Allow"]


def test_an_unforeseen_error_is_500_without_its_text():
    problem = as_problem(RuntimeError("/secret/path"))
    assert (problem.status, problem.code) == (500, "internal_error")
    assert "secret" not in problem.detail


def test_a_database_that_is_gone_is_503_and_readiness_says_so(app, client, capsys):
    with app.app_context(), db.engine.begin() as connection:
        for table in (
            "hourly_rollups",
            "daily_rollups",
            "monthly_rollups",
            "pictures",
            "predictions",
        ):
            connection.execute(text(f"DROP TABLE {table}"))
    asked = [client.get(path) for path in ("/predictions", "/predictions.csv", "/stats")]
    for response in (*asked, upload(client, picture())):
        assert (response.status_code, response.json["code"]) == (503, "database_unavailable")
        assert "Retry-After" in response.headers
        assert "predictions" not in response.json["detail"]
    logged = capsys.readouterr().out
    assert "no such table" in logged  # each failed request is a line, not a page
    assert "Traceback" not in logged
