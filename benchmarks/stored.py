"""Reads a history past the service that wrote it."""

from sqlalchemy import NullPool, Row, create_engine, text


def rows(database: str, columns: str) -> list[Row]:
    """Some columns ("id, idempotency_key") of every stored prediction.

    database: a SQLAlchemy URL, or `postgresql://…`. The connection is closed at once: this may be
    asked of a server that is killed next.
    """
    driver = database.replace("postgresql://", "postgresql+psycopg://")
    with create_engine(driver, poolclass=NullPool).connect() as connection:
        return list(connection.execute(text(f"SELECT {columns} FROM predictions")))
