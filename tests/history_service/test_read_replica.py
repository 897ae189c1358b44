"""A history service on a database that only reads, as a standby does."""

import pytest
from conftest import empty_postgres
from sqlalchemy import create_engine, text
from uploading import picture, upload

pytestmark = pytest.mark.postgres


def make_writable(url: str, writable: bool) -> None:
    """What every connection from now on may do."""
    engine = create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"),
        connect_args={"options": "-c default_transaction_read_only=off"},
    )
    with engine.begin() as connection:
        only = "off" if writable else "on"
        connection.execute(
            text(f"ALTER DATABASE postgres SET default_transaction_read_only = {only}")
        )
    engine.dispose()


@pytest.fixture
def standby(postgres_url):
    """The URL of a database, and what makes it one that only reads until the test is over."""
    empty_postgres(postgres_url)
    yield postgres_url, lambda: make_writable(postgres_url, writable=False)
    make_writable(postgres_url, writable=True)


def test_a_standby_shows_what_is_stored_and_refuses_to_store(make_app, standby):
    url, freeze = standby
    stored = upload(make_app(DATABASE_URL=url).test_client(), picture()).json["id"]
    freeze()
    client = make_app(DATABASE_URL=url).test_client()

    assert client.get(f"/predictions/{stored}").status_code == 200
    assert client.get("/predictions").json["total"] == 1
    assert client.get("/stats").json["total_predictions"] == 1
    assert client.get("/health/ready").status_code == 200
    refused = upload(client, picture())
    assert (refused.status_code, refused.json["code"]) == (503, "database_unavailable")
