"""No upload and no answer of a model breaks the service: documented statuses, in a moment."""

import json

import pytest
from fuzzing import fuzzed, little_memory, spoilt
from hypothesis import given
from hypothesis import strategies as st
from uploading import picture

from history_service.answers import Scored, read_answer
from history_service.scoring import ScoringClient
from history_service.scoring_errors import ModelNonsense, PictureRefused

BOUNDARY = "fuzz"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
ANSWER = {
    "label": "ball",
    "confidence": 0.75,
    "scores": {"ball": 0.75, "cone": 0.25},
    "known": True,
    "unknown_score": 0.5,
    "heat_map": [[0.5, 1.0], [0.0, -2.0]],
    "model": {"name": "m", "version": "1", "run_id": "a" * 32},
    "error": None,
}
REFUSED = dict.fromkeys(ANSWER) | {"error": {"code": "damaged", "message": ""}, "model": {}}
ANSWERS = [json.dumps({"predictions": [one]}).encode() for one in (ANSWER, REFUSED)]


def form(*names: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="ball.png"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + picture()
        + b"\r\n"
        for name in names
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def client(app, monkeypatch):
    """The whole service; its model knows every picture, at once."""
    monkeypatch.setattr(
        ScoringClient,
        "score",
        lambda _client, pictures, _left_s, explain=False: [
            read_answer(ANSWERS[0], 1, 1.0)[0] for _ in pictures
        ],
    )
    return app.test_client()


# Werkzeug leaves the parts of a form that ends too early to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_upload_breaks_the_service(client):
    @fuzzed
    @given(
        spoilt([form("img"), form("img", "img"), form("other"), form()]) | st.binary(max_size=256),
        st.sampled_from([TYPE, TYPE + "x", "multipart/form-data", "image/png", "", "text/plain"])
        | st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60),
        st.dictionaries(
            st.sampled_from(["Idempotency-Key", "X-Request-ID", "Content-Encoding", "Origin"]),
            st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=210),
        ),
    )
    def check(body: bytes, kind: str, headers: dict[str, str]) -> None:
        answer = client.post("/predict", data=body, content_type=kind, headers=headers)
        assert answer.status_code < 500, answer.text
        if answer.status_code != 200:
            assert answer.json["code"]

    with little_memory():
        check()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@fuzzed
@given(
    spoilt(ANSWERS)
    | st.binary(max_size=128)
    | st.fixed_dictionaries({}, optional=dict.fromkeys(ANSWER, JSON)).map(
        lambda changed: json.dumps({"predictions": [ANSWER | changed]}).encode()
    )
)
def check_answer(body: bytes) -> None:
    try:
        (found,) = read_answer(body, 1, 1.0)
    except ModelNonsense:
        return
    if isinstance(found, PictureRefused):
        return
    assert isinstance(found, Scored)
    assert found.label in found.scores
    assert all(0 <= share <= 1 for share in (found.confidence, *found.scores.values()))
    json.dumps([found.scores, found.heat_map, found.unknown_score], allow_nan=False)


def test_no_answer_of_a_model_breaks_the_service():
    check_answer()
