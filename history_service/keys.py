"""API keys: who may read, predict and delete. Stored hashed, compared in constant time."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from typing import Any

from flask import Flask, current_app, g, request

from history_service.errors import Problem
from history_service.setting_types import SettingError, read_file

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
SCOPES = ("read", "predict", "delete")
_SCOPE_OF_METHOD = {"POST": "predict", "DELETE": "delete"}
OPEN_TO_ALL = ("health", "static")  # blueprints and endpoints that never need a key

NO_KEYS = (
    "Deleting needs an API key, and none is configured: run `flask --app history_service make-key "
    "NAME --scopes read,predict,delete` and put the line it prints in API_KEYS or API_KEYS_FILE."
)


@dataclass(frozen=True)
class ApiKey:
    """A key's name, what it may do and the SHA-256 of its text (it has 256 bits of chance)."""

    name: str
    scopes: frozenset[str]
    digest: str

    @classmethod
    def read(cls, line: str) -> ApiKey:
        """Reads `name:scope+scope:sha256`. Raises ValueError that says what is wrong."""
        parts = line.split(":")
        if len(parts) != 3 or len(parts[2]) != 64:
            raise ValueError("API key: expected name:scopes:sha256, as make-key prints it")
        name, scopes, digest = parts
        if not _NAME.fullmatch(name):
            raise ValueError(f"API key {name!r}: a name has 1 to 100 letters, digits and . _ -")
        unknown = set(scopes.split("+")) - set(SCOPES)
        if unknown:
            raise ValueError(f"API key {name}: scopes are {'+'.join(SCOPES)}, not {scopes}")
        return cls(name, frozenset(scopes.split("+")), digest.lower())


def read_keys(text: str, path: str) -> list[ApiKey]:
    """The keys of API_KEYS and of the file API_KEYS_FILE, whose lines may be `# comments`.

    Raises SettingError that says what is wrong, and where.
    """
    keys = _read("API_KEYS", text.replace(",", " ").split())
    if path:
        lines = map(str.strip, read_file("API_KEYS_FILE", path).splitlines())
        keys += _read(f"API_KEYS_FILE={path}", [one for one in lines if one and one[0] != "#"])
    return keys


def _read(where: str, lines: list[str]) -> list[ApiKey]:
    try:
        return [ApiKey.read(line) for line in lines]
    except ValueError as error:
        raise SettingError(f"{where}: {error}") from error


def make_key(name: str, scopes: list[str]) -> tuple[str, str]:
    """A new key, to be shown once, and the line to store."""
    key = secrets.token_urlsafe(32)
    line = f"{name}:{'+'.join(scopes)}:{sha256(key.encode()).hexdigest()}"
    ApiKey.read(line)
    return key, line


class KeyRing:
    """All keys of the service."""

    def __init__(self, keys: list[ApiKey], required: bool):
        self.keys = keys
        self.required = required

    def find(self, presented: str) -> ApiKey | None:
        """The key that was presented; takes as long whichever it is, and whether it is any."""
        digest = sha256(presented.encode("utf-8", "surrogateescape")).hexdigest()
        found = None
        for key in self.keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def identify(self) -> None:
        """Finds out whose request this is; refuses it where REQUIRE_KEY wants a key."""
        presented = _presented_key()
        g.key = self.find(presented) if presented is not None else None
        g.client = g.key.name if g.key else None
        open_to_all = request.blueprint in OPEN_TO_ALL or request.endpoint in OPEN_TO_ALL
        preflight = request.method == "OPTIONS"  # a browser sends no key with it
        if self.required and not open_to_all and not preflight:
            self.demand(_SCOPE_OF_METHOD.get(request.method, "read"))

    def demand(self, scope: str) -> None:
        """Raises Problem unless the request's key has the scope."""
        if g.key is None:
            given = _presented_key() is not None
            code, detail = ("key_unknown", "This API key is not known.") if given else _KEY_MISSING
            raise Problem(401, code, detail)
        if scope not in g.key.scopes:
            raise Problem(403, "key_lacks_scope", f"This API key has no right to {scope}.")


_KEY_MISSING = ("key_missing", "Send an API key: Authorization: Bearer KEY.")


def _presented_key() -> str | None:
    """The key of the request: as a bearer token, in X-API-Key, or as a browser's password."""
    credentials = request.authorization
    if credentials is not None and credentials.type == "bearer":
        return credentials.token
    if credentials is not None and credentials.type == "basic":
        return credentials.password
    return request.headers.get("X-API-Key")


def needs_key(scope: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares that a view always needs a key with a scope, whatever REQUIRE_KEY says."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            ring: KeyRing = current_app.extensions["keys"]
            if not ring.keys:
                raise Problem(403, "no_keys_configured", NO_KEYS)
            ring.demand(scope)
            return view(*args, **kwargs)

        return guarded

    return decorate


def init_app(app: Flask) -> None:
    keys = read_keys(app.config["API_KEYS"], app.config["API_KEYS_FILE"])
    if app.config["REQUIRE_KEY"] and not keys:
        raise SettingError("REQUIRE_KEY=1, but neither API_KEYS nor API_KEYS_FILE holds a key")
    app.extensions["keys"] = ring = KeyRing(keys, app.config["REQUIRE_KEY"])
    app.before_request(ring.identify)
