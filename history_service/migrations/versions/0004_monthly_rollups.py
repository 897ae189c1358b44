"""Counts by month beside those by day, which the database keeps in step as it does those by day."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEYS = ["month", "model_version", "label"]
BINS = [f"{kind}_{i:02}" for kind in ("confidence", "latency") for i in range(20)]
COUNTERS = ["count", "unknown_count", "confidence_millionths", *BINS]


def upgrade() -> None:
    op.create_table(
        "monthly_rollups",
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("model_version", sa.String(200), primary_key=True),
        sa.Column("label", sa.String(200), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("unknown_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("confidence_millionths", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in BINS),
    )
    sums = ", ".join(f"sum({name})" for name in COUNTERS)
    keys = ", ".join(_keys_of("daily_rollups"))
    op.execute(
        f"INSERT INTO monthly_rollups ({_names(KEYS)}, {_names(COUNTERS)}) "  # noqa: S608  # nosec B608
        f"SELECT {keys}, {sums} FROM daily_rollups GROUP BY {keys}"
    )
    for statement in _postgresql() if _is_postgresql() else _sqlite():
        op.execute(statement)


def downgrade() -> None:
    if _is_postgresql():
        op.execute("DROP TRIGGER monthly_rollups ON daily_rollups")
        op.execute("DROP FUNCTION add_to_monthly_rollups")
    else:
        for event in CHANGES:
            op.execute(f"DROP TRIGGER monthly_rollups_{event}")
    op.drop_table("monthly_rollups")


CHANGES = {
    "insert": ("NEW", [f"NEW.{name}" for name in COUNTERS]),
    "update": ("NEW", [f"NEW.{name} - OLD.{name}" for name in COUNTERS]),
    "delete": ("OLD", [f"-OLD.{name}" for name in COUNTERS]),
}
"""By what happens to a row of a day: whose month it is, and what is added to that month."""


def _keys_of(row: str) -> list[str]:
    return [f"substr({row}.day, 1, 7)", f"{row}.model_version", f"{row}.label"]


def _add(row: str, changes: list[str]) -> str:
    keys = _keys_of(row)
    sums = ", ".join(f"{name} = monthly_rollups.{name} + excluded.{name}" for name in COUNTERS)
    empty = " AND ".join(f"{name} = {key}" for name, key in zip(KEYS, keys, strict=True))
    return (
        f"INSERT INTO monthly_rollups ({_names(KEYS)}, {_names(COUNTERS)}) "  # noqa: S608  # nosec B608
        f"VALUES ({_names(keys)}, {_names(changes)}) "
        f"ON CONFLICT ({_names(KEYS)}) DO UPDATE SET {sums}; "
        f"DELETE FROM monthly_rollups WHERE {empty} AND count = 0;"
    )


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER monthly_rollups_{event} AFTER {event} ON daily_rollups "
        f"BEGIN {_add(row, changes)} END"
        for event, (row, changes) in CHANGES.items()
    ]


def _postgresql() -> list[str]:
    cases = " ".join(
        f"IF TG_OP = '{event.upper()}' THEN {_add(row, changes)} END IF;"
        for event, (row, changes) in CHANGES.items()
    )
    return [
        "CREATE FUNCTION add_to_monthly_rollups() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {cases} RETURN NULL; END $$",
        "CREATE TRIGGER monthly_rollups AFTER INSERT OR UPDATE OR DELETE ON daily_rollups "
        "FOR EACH ROW EXECUTE FUNCTION add_to_monthly_rollups()",
    ]


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _names(names: list[str]) -> str:
    return ", ".join(names)
