"""What is known of the served model: whether it answers, its identity and its categories."""

from __future__ import annotations

import threading
import time
from base64 import b64decode
from dataclasses import dataclass, replace

from history_service.answers import ModelIdentity, Scored
from history_service.scoring import ScoringClient
from history_service.scoring_errors import ScoringError

PROBE_S = 3.0  # longest time for a look at the model
RETRY_S = 1.0  # a model that is down is looked at again so soon

# A valid PNG of 16 x 16 grey pixels: asking about it tells who the model is.
PROBE_PICTURE = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAEUlEQVR42mNsYEAFTAwjWgAAmZAAoFDI"
    "QrAAAAAASUVORK5CYII="
)


@dataclass(frozen=True)
class ModelState:
    """loaded: the model answers; identity and categories: None and empty until it first did."""

    loaded: bool = False
    identity: ModelIdentity | None = None
    categories: tuple[str, ...] = ()


class ServedModel:
    """Remembers what the model last said, and asks again when that is older than `fresh_s`.

    Every prediction refreshes it too, so that under load nobody asks. One thread asks at a time;
    the others go on with what is known.
    """

    def __init__(self, client: ScoringClient, fresh_s: float):
        self._client = client
        self._fresh_s = fresh_s
        self._state = ModelState()
        self._checked_at = float("-inf")
        self._asking = threading.Lock()

    def state(self) -> ModelState:
        """The model's state, at most `fresh_s` old. Raises nothing: a model may be down."""
        if self._is_fresh():
            return self._state
        never_asked = self._checked_at == float("-inf")
        if self._asking.acquire(blocking=never_asked):
            try:
                if not self._is_fresh():
                    self._ask()
            finally:
                self._asking.release()
        return self._state

    def _is_fresh(self) -> bool:
        fresh_s = self._fresh_s if self._state.loaded else min(self._fresh_s, RETRY_S)
        return time.monotonic() - self._checked_at < fresh_s

    def _ask(self) -> None:
        try:
            [answer] = self._client.score([PROBE_PICTURE], PROBE_S)
        except ScoringError:
            self.lost()
            return
        if isinstance(answer, Scored):
            self.seen(answer)
        else:
            self.lost()

    def seen(self, answer: Scored) -> None:
        """The model has just answered."""
        self._state = ModelState(True, answer.model, answer.categories)
        self._checked_at = time.monotonic()

    def lost(self) -> None:
        """The model has just failed to answer."""
        self._state = replace(self._state, loaded=False)
        self._checked_at = time.monotonic()
