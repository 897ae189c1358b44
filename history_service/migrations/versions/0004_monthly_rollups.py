"""Counts by month beside those by day, which the database keeps in step as it does those by day."""

from history_service.migrations.rollups import Rollup

revision = "0004"
down_revision = "0003"

MONTHS = Rollup("monthly_rollups", "daily_rollups", "month", 7, "substr({row}.day, 1, 7)")


def upgrade() -> None:
    MONTHS.create()


def downgrade() -> None:
    MONTHS.drop()
