"""The history, its pictures and its roll-ups."""

import sqlalchemy as sa
from alembic import op

from history_service.database import BigKey, UtcTime

revision = "0001"
down_revision = None

CONFIDENCE_BINS = 20
LATENCY_BINS = 20


def upgrade() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("predicted_label", sa.String(200), nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("all_scores", sa.JSON, nullable=False),
        sa.Column("model_name", sa.String(200), nullable=False),
        sa.Column("model_version", sa.String(200), nullable=False),
        sa.Column("model_run_id", sa.String(64), nullable=False),
        sa.Column("latency_ms", sa.Double, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("part", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    for name, columns in {
        "ix_predictions_newest": ["created_at", "id"],
        "ix_predictions_label": ["predicted_label", "created_at", "id"],
        "ix_predictions_version": ["model_version", "created_at", "id"],
    }.items():
        op.create_index(name, "predictions", columns)
    op.create_index("uq_predictions_key", "predictions", ["idempotency_key", "part"], unique=True)
    op.create_table(
        "pictures",
        sa.Column(
            "prediction_id",
            BigKey,
            sa.ForeignKey("predictions.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("thumbnail", sa.LargeBinary, nullable=False),
        sa.Column("original", sa.LargeBinary),
        sa.Column("original_type", sa.String(32)),
    )
    bins = [f"confidence_{i:02}" for i in range(CONFIDENCE_BINS)]
    bins += [f"latency_{i:02}" for i in range(LATENCY_BINS)]
    op.create_table(
        "hourly_rollups",
        sa.Column("hour", UtcTime, primary_key=True),
        sa.Column("model_version", sa.String(200), primary_key=True),
        sa.Column("label", sa.String(200), primary_key=True),
        sa.Column("day", sa.String(10), nullable=False, index=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("confidence_millionths", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in bins),
    )


def downgrade() -> None:
    for table in ("hourly_rollups", "pictures", "predictions"):
        op.drop_table(table)
