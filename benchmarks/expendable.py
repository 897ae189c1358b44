"""A PostgreSQL database that a benchmark may empty, and nobody's history."""

import psycopg


def require_no_history(url: str) -> None:
    """Stops the program where the database holds predictions, which emptying it would lose.

    url: postgresql://…
    """
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT to_regclass('public.predictions')").fetchone()
        if found != (None,) and connection.execute("SELECT 1 FROM predictions LIMIT 1").fetchone():
            name = connection.info.dbname
            raise SystemExit(
                f"The database {name} holds predictions, and would be emptied: name one of its "
                "own for the benchmark (createdb), or drop this one yourself."
            )


def empty(url: str) -> None:
    """Removes all that is in the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
