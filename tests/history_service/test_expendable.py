"""Benchmarks empty the database that they are given, but nobody's history."""

import psycopg
import pytest
from conftest import empty_postgres

from benchmarks import expendable


@pytest.mark.postgres
def test_a_database_with_predictions_is_not_emptied(postgres_url):
    url = empty_postgres(postgres_url)
    expendable.require_no_history(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE predictions (id int)")
        expendable.require_no_history(url)
        connection.execute("INSERT INTO predictions VALUES (1)")

    with pytest.raises(SystemExit, match="The database postgres holds predictions"):
        expendable.require_no_history(url)
