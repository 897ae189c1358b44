"""Counts by day beside those by hour, which the database itself keeps in step.

Triggers do it, so that no writer can forget to: neither an older program that goes on next to the
upgraded schema while replicas are replaced, nor a hand at the database's own prompt.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEYS = ["day", "model_version", "label"]
BINS = [f"{kind}_{i:02}" for kind in ("confidence", "latency") for i in range(20)]
COUNTERS = ["count", "unknown_count", "confidence_millionths", *BINS]


def upgrade() -> None:
    op.create_table(
        "daily_rollups",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("model_version", sa.String(200), primary_key=True),
        sa.Column("label", sa.String(200), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("unknown_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("confidence_millionths", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in BINS),
    )
    sums = ", ".join(f"sum({name})" for name in COUNTERS)
    op.execute(
        f"INSERT INTO daily_rollups ({_names(KEYS)}, {_names(COUNTERS)}) "  # noqa: S608  # nosec B608
        f"SELECT {_names(KEYS)}, {sums} FROM hourly_rollups GROUP BY {_names(KEYS)}"
    )
    for statement in _postgresql() if _is_postgresql() else _sqlite():
        op.execute(statement)


def downgrade() -> None:
    if _is_postgresql():
        op.execute("DROP TRIGGER daily_rollups ON hourly_rollups")
        op.execute("DROP FUNCTION add_to_daily_rollups")
    else:
        for event in CHANGES:
            op.execute(f"DROP TRIGGER daily_rollups_{event}")
    op.drop_table("daily_rollups")


CHANGES = {
    "insert": ("NEW", [f"NEW.{name}" for name in COUNTERS]),
    "update": ("NEW", [f"NEW.{name} - OLD.{name}" for name in COUNTERS]),
    "delete": ("OLD", [f"-OLD.{name}" for name in COUNTERS]),
}
"""By what happens to a row of an hour: whose day it is, and what is added to that day."""


def _add(row: str, changes: list[str]) -> str:
    keys = [f"{row}.{name}" for name in KEYS]
    sums = ", ".join(f"{name} = daily_rollups.{name} + excluded.{name}" for name in COUNTERS)
    empty = " AND ".join(f"{name} = {row}.{name}" for name in KEYS)
    return (
        f"INSERT INTO daily_rollups ({_names(KEYS)}, {_names(COUNTERS)}) "  # noqa: S608  # nosec B608
        f"VALUES ({_names(keys)}, {_names(changes)}) "
        f"ON CONFLICT ({_names(KEYS)}) DO UPDATE SET {sums}; "
        f"DELETE FROM daily_rollups WHERE {empty} AND count = 0;"
    )


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER daily_rollups_{event} AFTER {event} ON hourly_rollups "
        f"BEGIN {_add(row, changes)} END"
        for event, (row, changes) in CHANGES.items()
    ]


def _postgresql() -> list[str]:
    cases = " ".join(
        f"IF TG_OP = '{event.upper()}' THEN {_add(row, changes)} END IF;"
        for event, (row, changes) in CHANGES.items()
    )
    return [
        "CREATE FUNCTION add_to_daily_rollups() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {cases} RETURN NULL; END $$",
        "CREATE TRIGGER daily_rollups AFTER INSERT OR UPDATE OR DELETE ON hourly_rollups "
        "FOR EACH ROW EXECUTE FUNCTION add_to_daily_rollups()",
    ]


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _names(names: list[str]) -> str:
    return ", ".join(names)
