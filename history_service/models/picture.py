"""Pictures that are kept with their predictions, where KEEP_IMAGES says so."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, deferred, mapped_column

from history_service.database import BigKey, db

NO_THUMBNAIL = b""
"""In the place of a thumbnail that could not be made of a picture that is kept all the same."""


class Picture(db.Model):  # type: ignore[name-defined]
    """A thumbnail (JPEG, longest side 256) and, with KEEP_IMAGES=full, the upload as it came.

    The database itself deletes it together with its prediction.
    """

    __tablename__ = "pictures"

    prediction_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True
    )
    thumbnail: Mapped[bytes] = mapped_column(LargeBinary)
    original: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    original_type: Mapped[str | None] = mapped_column(String(32))

    def sized(self, size: str) -> tuple[bytes | None, str | None]:
        """Bytes and media type of the `thumb` or of the `full` picture; None where not kept."""
        if size == "full":
            return self.original, self.original_type
        return self.thumbnail or None, "image/jpeg"
