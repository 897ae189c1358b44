"""Commands for whoever runs the service: flask --app history_service COMMAND."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from history_service import schema_version
from history_service.csv_export import csv_lines
from history_service.database import db, read
from history_service.keys import SCOPES, make_key
from history_service.models import Selection
from history_service.schemas import PredictionOut
from history_service.settings import settings_table

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_span(_context: click.Context, _option: click.Parameter, text: str) -> timedelta:
    """`90d`, `12h`, `30m` or `8w` as a timedelta."""
    match = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    if match is None:
        raise click.BadParameter("a number and a unit, such as 90d, 12h, 30m or 8w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.command("upgrade")
@with_appcontext
def upgrade() -> None:
    """Bring the database's schema to this program's version."""
    version = schema_version.upgrade(current_app._get_current_object())  # type: ignore[attr-defined]
    click.echo(f"upgraded to {version}" if version else "nothing to do")


@click.command("prune")
@click.option("--older-than", required=True, callback=read_span, help="Such as 90d.")
@with_appcontext
def prune(older_than: timedelta) -> None:
    """Delete predictions older than a span, and their pictures; the statistics follow."""
    deleted = Selection(until=datetime.now(UTC) - older_than).delete_all()
    click.echo(f"{deleted} predictions deleted")


@click.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=False), default="-")
@with_appcontext
def export(form: str, output: IO[str]) -> None:
    """Write all predictions to a file or to standard output, newest first."""
    if form == "csv":
        output.writelines(csv_lines(read(), Selection()))
        return
    schema = PredictionOut()
    for rows in Selection().pages(read()):
        output.writelines(json.dumps(schema.dump(row), ensure_ascii=False) + "\n" for row in rows)


@click.command("backup")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
def backup(target: Path) -> None:
    """Copy a SQLite database while the service runs."""
    if db.engine.dialect.name != "sqlite":
        raise click.ClickException("For PostgreSQL use pg_dump: it copies while the service runs.")
    connection = db.engine.raw_connection()
    try:
        copy = sqlite3.connect(target)
        connection.driver_connection.backup(copy)  # type: ignore[union-attr]
        copy.close()
    finally:
        connection.close()
    click.echo(f"{target}: {target.stat().st_size} bytes")


@click.command("make-key")
@click.argument("name")
@click.option("--scopes", default="read,predict,delete", show_default=True)
def make_key_command(name: str, scopes: str) -> None:
    """Make an API key; it is shown this once, only its hash is to be stored."""
    try:
        key, line = make_key(name, scopes.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{error}; scopes: {', '.join(SCOPES)}") from error
    click.echo(f"key, to be given to {name}: {key}")
    click.echo(f"line, for API_KEYS or API_KEYS_FILE: {line}")


@click.command("settings")
def show_settings() -> None:
    """Print the table of settings, in Markdown."""
    for line in settings_table():
        click.echo(line)


def init_app(app: Flask) -> None:
    for command in (upgrade, prune, export, backup, make_key_command, show_settings):
        app.cli.add_command(command)
