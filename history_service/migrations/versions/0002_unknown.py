"""Whether a picture looks like any of the categories, in the history and its roll-ups.

An older program may go on writing next to the upgraded schema while replicas are replaced: what it
does not know of is null or has a default.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("known", sa.Boolean))
    op.add_column("predictions", sa.Column("unknown_score", sa.Double))
    # Unknown pictures are few and looked for: without it, a page of them reads the whole history.
    op.create_index(
        "ix_predictions_unknown",
        "predictions",
        ["created_at", "id"],
        sqlite_where=sa.text("known IS 0"),
        postgresql_where=sa.text("known IS FALSE"),
    )
    count = sa.Column("unknown_count", sa.Integer, nullable=False, server_default="0")
    op.add_column("hourly_rollups", count)


def downgrade() -> None:
    op.drop_column("hourly_rollups", "unknown_count")
    op.drop_index("ix_predictions_unknown", "predictions")
    op.drop_column("predictions", "unknown_score")
    op.drop_column("predictions", "known")
