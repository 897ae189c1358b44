"""Counts by day beside those by hour, which the database itself keeps in step.

Triggers do it, so that no writer can forget to: neither an older program that goes on next to the
upgraded schema while replicas are replaced, nor a hand at the database's own prompt.
"""

from history_service.migrations.rollups import Rollup

revision = "0003"
down_revision = "0002"

DAYS = Rollup("daily_rollups", "hourly_rollups", "day", 10, "{row}.day")


def upgrade() -> None:
    DAYS.create()


def downgrade() -> None:
    DAYS.drop()
