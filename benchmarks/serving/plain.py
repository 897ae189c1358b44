"""The usual way: FastAPI, Keras `model.predict`, SQLAlchemy; one thing after the other."""

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import keras
import numpy as np
from fastapi import Depends, FastAPI, File, UploadFile
from PIL import Image
from sqlalchemy import JSON, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

model = keras.models.load_model(os.environ["KERAS_MODEL"])
engine = create_engine(os.environ["DATABASE_URL"])
session = sessionmaker(engine)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Prediction(Base):
    __tablename__ = "predictions"
    id: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str]
    label: Mapped[int]
    confidence: Mapped[float]
    scores: Mapped[dict] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


Base.metadata.create_all(engine)


def get_session() -> Iterator[Session]:
    with session() as one:
        yield one


@app.get("/health")
def health() -> dict:
    return {"status": "ok"}


@app.post("/predict")
async def predict(
    img: Annotated[UploadFile, File()], database: Annotated[Session, Depends(get_session)]
) -> dict:
    side = model.input_shape[1] or int(os.environ["SIZE"])
    picture = Image.open(io.BytesIO(await img.read())).convert("RGB").resize((side, side))
    scores = keras.ops.softmax(model.predict(np.asarray(picture)[None], verbose=0))[0]
    best = int(np.argmax(scores))
    row = Prediction(
        filename=img.filename,
        label=best,
        confidence=float(scores[best]),
        scores={str(i): float(score) for i, score in enumerate(scores)},
    )
    database.add(row)
    database.commit()
    return {"id": row.id, "label": row.label, "confidence": row.confidence, "scores": row.scores}
