"""Alembic's entry: runs migrations on the connection that schema_version gives."""

from alembic import context
from flask import current_app

from history_service.database import db


def run(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:  # `flask --app history_service db …`, for developers
    with current_app.extensions["migrate"].db.engine.begin() as own:
        run(own)
