"""API keys, limits, CORS and the headers that keep browsers safe."""

import base64
import shutil
import subprocess

import pytest
from ports import wait_for_port
from real_parts import free_port, running
from uploading import BLUE, RED, picture, upload

from history_service.keys import make_key, read_keys
from history_service.setting_types import SettingError


def test_without_any_key_deleting_is_refused_and_says_how_to_configure_one(client):
    response = client.delete("/predictions/1")
    assert (response.status_code, response.json["code"]) == (403, "no_keys_configured")
    assert "make-key" in response.json["detail"]


def test_deleting_needs_a_key(keyed_client):
    response = keyed_client.delete("/predictions")
    assert (response.status_code, response.json["code"]) == (401, "key_missing")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_key_is_401(keyed_client):
    response = keyed_client.delete("/predictions", headers={"Authorization": "Bearer wrong"})
    assert (response.status_code, response.json["code"]) == (401, "key_unknown")


def test_a_key_without_the_right_is_403(make_app):
    key, line = make_key("reader", ["read", "predict"])
    response = (
        make_app(API_KEYS=line).test_client().delete("/predictions", headers={"X-API-Key": key})
    )
    assert (response.status_code, response.json["code"]) == (403, "key_lacks_scope")


def test_each_client_has_idempotency_keys_of_its_own(make_app):
    keys, lines = zip(
        *(make_key(name, ["read", "predict"]) for name in ("alice", "bob")), strict=True
    )
    client = make_app(API_KEYS="\n".join(lines)).test_client()

    def send(colour, **headers):
        return upload(client, picture(colour), headers={"Idempotency-Key": "1", **headers})

    alice, bob = ({"X-API-Key": key} for key in keys)
    first, other, nobody = send(RED, **alice), send(BLUE, **bob), send(RED)

    assert {one.status_code for one in (first, other, nobody)} == {200}
    assert len({one.json["id"] for one in (first, other, nobody)}) == 3
    assert send(RED, **alice).json == first.json
    assert send(RED, **bob).json["code"] == "key_reused"


def test_keys_come_from_a_file_too(make_app, tmp_path, key_and_line, key_header):
    path = tmp_path / "keys"
    path.write_text(f"# who may delete\n{key_and_line[1]}\n")
    client = make_app(API_KEYS_FILE=str(path)).test_client()
    assert client.delete("/predictions", headers=key_header).status_code == 200


def test_the_stored_line_does_not_hold_the_key(key_and_line):
    key, line = key_and_line
    assert key not in line


@pytest.mark.parametrize(
    "line",
    ["a", "a:read:12", *(f"{key}:{'0' * 64}" for key in ("a:fly", "a:", ":read", "ü:read"))],
)
def test_a_malformed_key_stops_the_start(line, tmp_path):
    with pytest.raises(SettingError, match="API_KEYS: API key"):
        read_keys(line, "")
    (path := tmp_path / "keys").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(SettingError, match=f"API_KEYS_FILE={path}: API key"):
        read_keys("", str(path))


@pytest.mark.parametrize("name", ["ci bot", "#ops", "a,b", "", "x" * 101])
def test_no_key_is_made_that_could_not_be_read_back(name):
    with pytest.raises(ValueError, match="a name has 1 to 100 letters"):
        make_key(name, ["read"])


def test_a_file_of_keys_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingError, match=f"API_KEYS_FILE={tmp_path}/none: No such file"):
        read_keys("", f"{tmp_path}/none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="no text in UTF-8"):
        read_keys("", f"{tmp_path}/binary")


def test_require_key_demands_one_everywhere_but_health(make_app, key_and_line, key_header):
    client = make_app(API_KEYS=key_and_line[1], REQUIRE_KEY="1").test_client()
    for path in (
        "/",
        "/predictions",
        "/stats",
        "/categories",
        "/docs",
        "/metrics",
        "/openapi.json",
    ):
        assert client.get(path).status_code == 401, path
        assert client.get(path, headers=key_header).status_code == 200, path
    assert upload(client, picture()).status_code == 401
    for path in ("/health", "/health/live", "/health/ready"):
        assert client.get(path).status_code == 200, path


def test_requiring_a_key_without_having_any_stops_the_start(make_app):
    with pytest.raises(SettingError, match="REQUIRE_KEY"):
        make_app(REQUIRE_KEY="1")


def test_a_browser_is_asked_for_the_key_as_a_password(make_app, key_and_line):
    client = make_app(API_KEYS=key_and_line[1], REQUIRE_KEY="1").test_client()
    response = client.get("/", headers={"Accept": "text/html"})
    assert response.headers["WWW-Authenticate"].startswith("Basic")
    password = base64.b64encode(f"me:{key_and_line[0]}".encode()).decode()
    headers = {"Accept": "text/html", "Authorization": f"Basic {password}"}
    assert client.get("/", headers=headers).status_code == 200
    forged = {**headers, "Sec-Fetch-Site": "cross-site"}
    assert client.delete("/predictions", headers=forged).json["code"] == "cross_site"


def test_too_many_requests_are_429_with_retry_after_but_health_is_not_counted(make_app):
    client = make_app(RATE_LIMIT=3).test_client()
    statuses = [client.get("/stats").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    response = client.get("/stats")
    assert response.json["code"] == "too_many_requests"
    assert 0 < int(response.headers["Retry-After"]) <= 61
    assert client.get("/health/live").status_code == 200


def test_clients_are_counted_apart(make_app, key_and_line, key_header):
    client = make_app(RATE_LIMIT=1, API_KEYS=key_and_line[1], TRUSTED_PROXIES=1).test_client()
    assert client.get("/stats", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 200
    assert client.get("/stats", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 429
    assert client.get("/stats", headers={"X-Forwarded-For": "10.0.0.2"}).status_code == 200
    assert client.get("/stats", headers=key_header).status_code == 200


def test_services_that_share_a_redis_share_the_limit_and_without_it_count_alone(make_app, tmp_path):
    if shutil.which("redis-server") is None:
        pytest.skip("no Redis here: apt-get install redis-server")
    port = str(free_port())
    quiet = {"cwd": tmp_path, "stdout": subprocess.DEVNULL}
    command = ["redis-server", "--port", port, "--save", "", "--bind", "127.0.0.1"]
    with running(command, **quiet) as process:
        wait_for_port(int(port), process, 30)
        shared = {"RATE_LIMIT": 3, "RATE_LIMIT_STORAGE": f"redis://127.0.0.1:{port}"}
        one, other = (make_app(**shared).test_client() for _ in range(2))
        codes = [client.get("/stats").status_code for client in (one, other, one, other, one)]
        assert codes == [200, 200, 200, 429, 429]
    alone = [client.get("/stats").status_code for client in (one, one, other, one, one)]
    assert alone == [200, 200, 200, 200, 429]


@pytest.mark.parametrize("path", ["/", "/predictions", "/nothing", "/docs", "/health"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path, headers={"Accept": "text/html"}).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_a_preflight_needs_no_key_and_what_follows_it_does(make_app, key_and_line):
    client = make_app(
        API_KEYS=key_and_line[1], REQUIRE_KEY="1", CORS_ORIGINS="https://example.org"
    ).test_client()
    origin = {"Origin": "https://example.org"}
    asked = {**origin, "Access-Control-Request-Method": "POST"}
    response = client.options("/predict", headers=asked)
    assert response.status_code == 200
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert upload(client, picture(), headers=origin).status_code == 401


@pytest.mark.parametrize(
    "said", [{"Sec-Fetch-Site": s} for s in ("cross-site", "same-site")] + [{}]
)
def test_another_sites_page_stores_nothing_by_a_visitors_browser(client, make_app, said):
    forged = {"Origin": "https://example.org", **said}
    assert upload(client, picture(), headers=forged).json["code"] == "cross_site"
    assert client.get("/stats").json["total_predictions"] == 0
    opened = make_app(CORS_ORIGINS="https://example.org").test_client()
    assert upload(opened, picture(), headers=forged).status_code == 200


@pytest.mark.parametrize(
    "origin", ["null", "http://shop.example", "http://shop.example:5000.evil.example"]
)
def test_without_https_a_page_is_known_by_its_origin(make_app, origin):
    client = make_app(HOST="0.0.0.0").test_client()
    at = {"Host": "shop.example:5000"}
    forged = upload(client, picture(), headers={**at, "Origin": origin})
    assert forged.json["code"] == "cross_site"
    own = upload(client, picture(), headers={**at, "Origin": "http://shop.example:5000"})
    assert own.status_code == 200


def test_cors_is_closed_unless_an_origin_is_let_in(client, make_app):
    origin = {"Origin": "https://example.org"}
    assert "Access-Control-Allow-Origin" not in client.get("/stats", headers=origin).headers
    opened = make_app(CORS_ORIGINS="https://example.org").test_client()
    response = opened.options("/predict", headers=origin)
    assert response.headers["Access-Control-Allow-Origin"] == "https://example.org"
    other = opened.get("/stats", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


NAMES = ["evil.example", "evil.example:8000", "localhost.evil.example", "["]
ALWAYS = ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:8000", "10.0.3.7:8000"]


@pytest.mark.parametrize("host", NAMES)
def test_on_loopback_without_a_key_no_sites_name_leads_here(client, host):
    response = client.get("/stats", headers={"Host": host})
    assert response.status_code == 421
    assert response.json["code"] == "host_not_allowed"


@pytest.mark.parametrize("host", ALWAYS)
def test_localhost_and_addresses_always_do(client, make_app, host):
    named = make_app(HOST="0.0.0.0", ALLOWED_HOSTS="balls.example").test_client()
    for service in (client, named):
        assert service.get("/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("address", ["::1", "[::1]", "127.0.0.2", "Localhost"])
def test_loopback_is_known_however_it_is_written(make_app, address):
    client = make_app(HOST=address).test_client()
    assert client.get("/stats", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("guard", ["HOST", "TRUSTED_PROXIES", "REQUIRE_KEY"])
def test_elsewhere_it_goes_by_any_name(make_app, key_and_line, key_header, guard):
    guards = {"HOST": "0.0.0.0", "TRUSTED_PROXIES": "1", "REQUIRE_KEY": "1"}
    client = make_app(**{guard: guards[guard]}, API_KEYS=key_and_line[1]).test_client()
    headers = {"Host": "balls.example", **key_header}
    assert client.get("/stats", headers=headers).status_code == 200


def test_the_names_that_are_allowed_are_the_only_ones(make_app):
    client = make_app(HOST="0.0.0.0", ALLOWED_HOSTS="Balls.example, history").test_client()
    hosts = ("balls.example:443", "HISTORY", "other.example")
    codes = [client.get("/stats", headers={"Host": host}).status_code for host in hosts]
    assert codes == [200, 200, 421]


@pytest.mark.parametrize("name", ["balls.example:8000", "https://balls.example", "*"])
def test_what_is_no_name_of_a_host_stops_the_start(make_app, name):
    with pytest.raises(SettingError, match="ALLOWED_HOSTS"):
        make_app(ALLOWED_HOSTS=name)
