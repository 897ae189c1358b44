"""SQL in every parameter and header stays text: nothing more is found, changed or told."""

import pytest
from uploading import BLUE, RED, picture, upload

INJECTIONS = (
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "'; DROP TABLE predictions; --",
    "' UNION SELECT 1, sql, 3, 4, 5, 6, 7, 8, 9 FROM sqlite_master --",
    "'; SELECT pg_sleep(5); --",
    "%' ESCAPE '\\' OR 1=1 --",
    "1; DELETE FROM predictions",
    "\\'; DROP TABLE predictions; --",
    "${predictions}%s%(id)s?:id",
)
HEADERS = ("X-Request-ID", "Idempotency-Key", "Authorization", "X-API-Key", "Accept", "Origin")


@pytest.fixture
def client(make_app, database_url):
    """A service on each database, with one basketball and one tennis ball in its history."""
    client = make_app(DATABASE_URL=database_url).test_client()
    for colour in (RED, BLUE):
        assert upload(client, picture(colour)).status_code == 200
    return client


def parameters(client) -> list[tuple[str, str]]:
    """Each query parameter of each route that reads, out of the service's own description."""
    paths = client.get("/openapi.json").json["paths"]
    return [
        (path.replace("{prediction_id}", "1"), parameter["name"])
        for path, methods in paths.items()
        for parameter in methods.get("get", {}).get("parameters", [])
        if parameter["in"] == "query"
    ]


def test_a_query_parameter_is_text(client):
    asked = parameters(client)
    assert {"label", "filename", "model_version", "cursor", "since", "limit"} <= {
        n for _, n in asked
    }
    for path, name in asked:
        for text in INJECTIONS:
            response = client.get(path, query_string={name: text})
            assert "sqlite_master" not in response.get_data(as_text=True).replace(text, "")
            assert response.status_code in (200, 404, 422), (path, name, text)
            if response.status_code == 200 and path == "/predictions":
                assert response.json["total"] == 0, (name, text)
    assert client.get("/predictions").json["total"] == 2


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_text(client, name):
    count = 2
    for text in INJECTIONS:
        assert client.get("/predictions", headers={name: text}).json["total"] == count
        stored = upload(client, picture(RED), headers={name: text})
        assert stored.status_code in (200, 401, 403, 422), (name, text)
        count += stored.status_code == 200
    assert client.get("/predictions?label=tennis_ball").json["total"] == 1


def test_a_file_name_and_a_path_are_text(client):
    for text in INJECTIONS:
        assert upload(client, picture(RED), filename=text).status_code == 200
        assert client.get(f"/predictions/{text}").status_code == 404
        assert client.delete(f"/predictions/{text}").status_code in (404, 405)
    assert client.get("/predictions").json["total"] == 2 + len(INJECTIONS)
