"""The same done well: ONNX Runtime, threads, a tuned database."""

import io
import json
import os
import sqlite3
from typing import Annotated

import numpy as np
import onnxruntime
from fastapi import FastAPI, File, UploadFile
from PIL import Image
from sqlalchemy import create_engine, event, text

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
network = onnxruntime.InferenceSession(os.environ["ONNX_MODEL"], options)
name, side = network.get_inputs()[0].name, network.get_inputs()[0].shape[1]
engine = create_engine(os.environ["DATABASE_URL"])
insert = text(
    "INSERT INTO predictions (filename, label, confidence, scores) "
    "VALUES (:filename, :label, :confidence, :scores) RETURNING id"
)
app = FastAPI()


@event.listens_for(engine, "connect")
def tune(connection: object, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000"
        )


with engine.begin() as opened:
    key = "SERIAL" if engine.dialect.name == "postgresql" else "INTEGER"
    opened.execute(
        text(
            f"CREATE TABLE IF NOT EXISTS predictions (id {key} PRIMARY KEY, filename TEXT, "
            "label INTEGER, confidence REAL, scores TEXT, created_at TIMESTAMP DEFAULT "
            "CURRENT_TIMESTAMP)"
        )
    )


@app.get("/health")
def health() -> dict:
    return {"status": "ok"}


@app.post("/predict")
def predict(img: Annotated[UploadFile, File()]) -> dict:  # in a thread: it blocks
    picture = Image.open(io.BytesIO(img.file.read()))
    picture.draft("RGB", (side, side))
    pixels = np.asarray(picture.convert("RGB").resize((side, side)))[None]
    logits = network.run(None, {name: pixels})[0][0]
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = int(scores.argmax())
    row = {"filename": img.filename, "label": best, "confidence": float(scores[best])}
    with engine.begin() as connection:
        stored = {**row, "scores": json.dumps(scores.tolist())}
        row["id"] = connection.execute(insert, stored).scalar_one()
    return {**row, "scores": scores.tolist()}
