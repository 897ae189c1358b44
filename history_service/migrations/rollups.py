"""A table of counters that triggers keep in step with a finer one.

Part of the migrations that call it: what they once did to a database stays as it is. A counter that
comes later needs a migration of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

BINS = [f"{kind}_{i:02}" for kind in ("confidence", "latency") for i in range(20)]
COUNTERS = ["count", "unknown_count", "confidence_millionths", *BINS]
CHANGES = {
    "insert": ("NEW", [f"NEW.{name}" for name in COUNTERS]),
    "update": ("NEW", [f"NEW.{name} - OLD.{name}" for name in COUNTERS]),
    "delete": ("OLD", [f"-OLD.{name}" for name in COUNTERS]),
}
"""By what happens to a finer row: whose span it is, and what is added to that span."""


@dataclass(frozen=True)
class Rollup:
    """Counts by a span of time, model version and label."""

    table: str
    source: str
    """the table with the finer counts"""
    span: str
    """the column that names the span"""
    length: int
    """of such a name, in characters"""
    span_of: str
    """SQL for the span of a `{row}` of the source"""

    @property
    def keys(self) -> list[str]:
        """The columns of the primary key."""
        return [self.span, "model_version", "label"]

    def create(self) -> None:
        """The table, filled from the source, and what keeps it in step."""
        op.create_table(
            self.table,
            sa.Column(self.span, sa.String(self.length), primary_key=True),
            sa.Column("model_version", sa.String(200), primary_key=True),
            sa.Column("label", sa.String(200), primary_key=True),
            sa.Column("count", sa.Integer, nullable=False),
            sa.Column("unknown_count", sa.Integer, nullable=False, server_default="0"),
            sa.Column("confidence_millionths", sa.BigInteger, nullable=False),
            *(sa.Column(name, sa.Integer, nullable=False) for name in BINS),
        )
        if _is_postgresql():  # what an older service counts now would be in neither
            op.execute(f"LOCK TABLE {self.source} IN SHARE ROW EXCLUSIVE MODE")
        sums = [f"sum({name})" for name in COUNTERS]
        keys = self._keys_of(self.source)
        op.execute(
            f"INSERT INTO {self.table} ({_names(self.keys)}, {_names(COUNTERS)}) "  # noqa: S608  # nosec B608
            f"SELECT {_names(keys)}, {_names(sums)} FROM {self.source} GROUP BY {_names(keys)}"
        )
        for statement in self._postgresql() if _is_postgresql() else self._sqlite():
            op.execute(statement)

    def drop(self) -> None:
        """All that `create` made."""
        if _is_postgresql():
            op.execute(f"DROP TRIGGER {self.table} ON {self.source}")
            op.execute(f"DROP FUNCTION add_to_{self.table}")
        else:
            for event in CHANGES:
                op.execute(f"DROP TRIGGER {self.table}_{event}")
        op.drop_table(self.table)

    def _keys_of(self, row: str) -> list[str]:
        return [self.span_of.format(row=row), f"{row}.model_version", f"{row}.label"]

    def _add(self, row: str, changes: list[str]) -> str:
        keys = self._keys_of(row)
        sums = [f"{name} = {self.table}.{name} + excluded.{name}" for name in COUNTERS]
        empty = " AND ".join(f"{name} = {key}" for name, key in zip(self.keys, keys, strict=True))
        return (
            f"INSERT INTO {self.table} ({_names(self.keys)}, {_names(COUNTERS)}) "  # noqa: S608  # nosec B608
            f"VALUES ({_names(keys)}, {_names(changes)}) "
            f"ON CONFLICT ({_names(self.keys)}) DO UPDATE SET {_names(sums)}; "
            f"DELETE FROM {self.table} WHERE {empty} AND count = 0;"
        )

    def _sqlite(self) -> list[str]:
        return [
            f"CREATE TRIGGER {self.table}_{event} AFTER {event} ON {self.source} "
            f"BEGIN {self._add(row, changes)} END"
            for event, (row, changes) in CHANGES.items()
        ]

    def _postgresql(self) -> list[str]:
        cases = " ".join(
            f"IF TG_OP = '{event.upper()}' THEN {self._add(row, changes)} END IF;"
            for event, (row, changes) in CHANGES.items()
        )
        return [
            f"CREATE FUNCTION add_to_{self.table}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {cases} RETURN NULL; END $$",
            f"CREATE TRIGGER {self.table} AFTER INSERT OR UPDATE OR DELETE ON {self.source} "
            f"FOR EACH ROW EXECUTE FUNCTION add_to_{self.table}()",
        ]


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _names(names: list[str]) -> str:
    return ", ".join(names)
