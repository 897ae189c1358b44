"""Brings the database's schema to this program's version, or refuses to start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import Connection

from history_service.database import db

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 7_220_310_551  # the number of our advisory lock, drawn by lot


class SchemaTooNew(RuntimeError):
    """The database was upgraded by a newer program; this one might damage it."""


def upgrade(app: Flask) -> str | None:
    """Upgrades an older schema, once, however many replicas start at the same time.

    Lock, look and upgrade are one transaction: SQLite's write lock, PostgreSQL's advisory lock.
    Returns the new version where there was something to do. Raises SchemaTooNew.
    """
    with app.app_context():
        engine = db.engine.execution_options(writes=True)
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            return _upgrade_under_lock(connection)


def _upgrade_under_lock(connection: Connection) -> str | None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head()
    current = MigrationContext.configure(connection).get_current_revision()
    if current == newest:
        return None
    if current is not None and current not in {one.revision for one in script.walk_revisions()}:
        raise SchemaTooNew(
            f"The database's schema {current} is newer than this program, which knows {newest}: "
            "start the newer program, or restore the backup from before its upgrade."
        )
    command.upgrade(config, "head")
    return newest
