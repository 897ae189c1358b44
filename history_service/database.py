"""The database's engine: durable SQLite or a pooled PostgreSQL, and short write transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Integer, String, event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator


class Base(DeclarativeBase):
    pass


# A row's number has 64 bits; SQLite numbers rows by itself only where the type is INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")
MAX_KEY = 2**63 - 1

db = SQLAlchemy(model_class=Base)

RFC3339_UTC = "%Y-%m-%dT%H:%M:%S.%fZ"


def rfc3339(time: datetime) -> str:
    """A time as RFC 3339 in UTC with `Z`; all have one width, so that text sorts as time does."""
    text = time.astimezone(UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")  # strftime would shorten years before 1000


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC: RFC 3339 text in SQLite, `timestamptz` in PostgreSQL."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return rfc3339(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            return datetime.strptime(value, RFC3339_UTC).replace(tzinfo=UTC)
        return None if value is None else value.astimezone(UTC)


def engine_options(config: dict[str, Any]) -> dict[str, Any]:
    """Pool and driver options for the database that DATABASE_URL names."""
    wait_s = config["DATABASE_WAIT_S"]
    pool = {
        "pool_size": config["DATABASE_POOL"],
        "max_overflow": 0,
        "pool_timeout": wait_s,
        "hide_parameters": True,  # an error's text goes to the log: no picture may be in it
    }
    if config["DATABASE_URL"].startswith("sqlite"):
        return {**pool, "connect_args": {"timeout": wait_s, "check_same_thread": False}}
    connect_args = {
        "connect_timeout": max(round(wait_s), 2),
        "options": f"-c lock_timeout={round(wait_s * 1000)} -c timezone=UTC",
        # A database whose machine or network is gone says nothing: TCP alone would wait a quarter
        # of an hour for what was sent, and two hours where nothing was.
        "tcp_user_timeout": round(wait_s * 1000),
        "keepalives_idle": max(round(wait_s), 1),
        "keepalives_interval": 1,
        "keepalives_count": 3,
    }
    return {**pool, "pool_pre_ping": True, "connect_args": connect_args}


def init_app(app: Flask) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["DATABASE_URL"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(app.config)
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _make_durable(db.engine, app.config["DATABASE_WAIT_S"])


def _make_durable(engine: Engine, wait_s: float) -> None:
    """Every commit of SQLite survives a crash; transactions begin when SQLAlchemy says so."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction on its own
        _write_ahead(connection, wait_s)
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL may lose acknowledged commits
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch the file to write-ahead logging; SQLite does not wait for another that does so too."""
    ends = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.01)


def read() -> Session:
    """The request's session for reading; it ends with the request."""
    return db.session()


@contextmanager
def write() -> Iterator[Session]:
    """A session in one short write transaction: committed at the end, undone on an exception.

    On SQLite it takes the write lock at the start, so that it never fails half-way for want of it.
    """
    engine = db.engine.execution_options(writes=True)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session
