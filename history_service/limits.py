"""Requests a minute a client; the deadline and size of each request, and of all together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flask import Flask, current_app, g, request
from flask_limiter import Limiter

from history_service.keys import OPEN_TO_ALL
from history_service.room import Room

FORM_ROOM = 64 * 1024  # bytes of a form around its pictures
SMALL_BODY = 1024 * 1024  # bytes; all threads full of such fit beside the large ones

# Seconds; redis-py waits for ever.
REDIS_TIMEOUTS: dict[str, str | int] = {"socket_connect_timeout": 1, "socket_timeout": 1}


def client_name() -> str:
    """Whom requests are counted for: the key's name, else the address."""
    return g.get("client") or request.remote_addr or "unknown"


def _not_counted() -> bool:
    return request.blueprint in OPEN_TO_ALL or request.endpoint in OPEN_TO_ALL


def set_deadline() -> None:
    g.deadline = time.monotonic() + current_app.config["DEADLINE_S"]


def close_files(_: BaseException | None) -> None:
    """Larger uploads lie in temporary files, which nobody closes otherwise."""
    request.close()


def waiting_max(config: Mapping[str, Any]) -> int:
    """Most requests that may wait for what is scarce: each holds a thread that others need."""
    return max(config["THREADS"] // 4, 1)


def room_for_body() -> AbstractContextManager[None]:
    """Room for the request's body, to be taken before a byte of it is read.

    A body without a length counts as the largest that is taken. Half of the time that the request
    has is left for the body to arrive. Raises QueueFull.
    """
    room: Room = current_app.extensions["room"]
    length = request.content_length
    wanted = current_app.config["MAX_CONTENT_LENGTH"] if length is None else length
    its_turn_by = g.deadline - current_app.config["DEADLINE_S"] / 2
    return nullcontext() if wanted <= SMALL_BODY else room.taken(wanted, its_turn_by)


def init_app(app: Flask) -> None:
    config = app.config
    app.extensions["room"] = Room(config["BODIES_MAX_BYTES"], waiting_max(config))
    config["MAX_CONTENT_LENGTH"] = config["MAX_UPLOAD_BYTES"] * config["MAX_PICTURES"] + FORM_ROOM
    config["MAX_FORM_PARTS"] = config["MAX_PICTURES"] + 16
    # Werkzeug holds this against the 64 KiB that it reads at a time and what is left of those
    # before, of pictures too: with less, a picture with a line break in the wrong place is refused.
    config["MAX_FORM_MEMORY_SIZE"] = 2 * FORM_ROOM
    app.before_request(set_deadline)
    app.teardown_request(close_files)
    if config["RATE_LIMIT"]:
        storage = config["RATE_LIMIT_STORAGE"]
        Limiter(
            client_name,
            app=app,
            application_limits=[f"{config['RATE_LIMIT']} per minute"],
            application_limits_exempt_when=_not_counted,
            storage_uri=storage,
            storage_options=REDIS_TIMEOUTS if storage.startswith("redis") else {},
            in_memory_fallback_enabled=True,  # each worker on its own, while the storage is away
            strategy="sliding-window-counter",
            headers_enabled=True,
        )
