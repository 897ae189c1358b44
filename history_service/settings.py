"""One table of settings, from which come the configuration and its documentation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import make_url

from history_service.setting_types import (
    Setting,
    database_url,
    host,
    host_names,
    number,
    one_of,
    read_file,
    switch,
    twentieth,
    whole,
    words,
)

MIB = 1024 * 1024

SETTINGS = (
    Setting("HOST", host, "127.0.0.1", "address", "Address that the service listens on."),
    Setting("PORT", whole(0, 65_535), 8000, "port", "Port that the service listens on."),
    Setting("WORKERS", whole(1, 64), 1, "processes", "Worker processes; each has its own batcher."),
    Setting("THREADS", whole(1, 512), 64, "threads", "Threads of a worker: requests at one time."),
    Setting(
        "DATABASE_URL",
        database_url,
        "sqlite:///./predictions.db",
        "URL",
        "Where the history is: `sqlite:///file.db` or `postgresql://user:password@host/name`.",
    ),
    Setting(
        "DATABASE_PASSWORD_FILE",
        str,
        "",
        "path",
        "A file with the password that `DATABASE_URL` leaves out, as secrets of containers are.",
    ),
    Setting(
        "DATABASE_POOL",
        whole(1, 200),
        8,
        "connections",
        "Connections of a worker. On PostgreSQL, pool x workers x replicas must stay below "
        "`max_connections`.",
    ),
    Setting(
        "DATABASE_WAIT_S",
        number(0.1, 60.0),
        5.0,
        "seconds",
        "Longest wait for a lock or a connection of the database.",
    ),
    Setting(
        "MODEL_PATH",
        str,
        "",
        "MLflow URI or folder",
        "The model to serve. Read by the launcher, which starts the scoring server with it.",
    ),
    Setting(
        "SCORING_URL",
        str,
        "http://127.0.0.1:5001",
        "URL",
        "MLflow's scoring server with the model.",
    ),
    Setting(
        "SCORING_CONNECT_S",
        number(0.05, 60.0),
        1.0,
        "seconds",
        "Longest wait for a connection to the scoring server.",
    ),
    Setting(
        "MODEL_REFRESH_S",
        number(0.1, 3_600.0),
        2.0,
        "seconds",
        "How long what is known of the model (up or down, name, categories) counts as fresh.",
    ),
    Setting(
        "DEADLINE_S",
        number(0.1, 600.0),
        10.0,
        "seconds",
        "Longest time for a prediction, waiting and the model's call included; then 504.",
    ),
    Setting(
        "BATCH_MAX", whole(1, 1_024), 16, "pictures", "Most pictures in one call of the model."
    ),
    Setting(
        "BATCH_WAIT_MS",
        number(0.0, 1_000.0),
        0.0,
        "milliseconds",
        "How long a batch that follows another waits to fill up. A lone request never waits.",
    ),
    Setting(
        "BATCHES",
        whole(1, 64),
        1,
        "calls",
        "Calls of the model at one time, by worker. 2 suit large pictures.",
    ),
    Setting(
        "QUEUE_MAX",
        whole(1, 100_000),
        256,
        "pictures",
        "Most pictures of a worker that wait for the model; beyond it, 503 with Retry-After.",
    ),
    Setting(
        "MAX_UPLOAD_BYTES", whole(1, 2**30), 10 * MIB, "bytes", "Largest picture; beyond it, 413."
    ),
    Setting(
        "MAX_PICTURES",
        whole(1, 1_000),
        16,
        "pictures",
        "Most pictures in a request; beyond it, 413.",
    ),
    Setting(
        "BODIES_MAX_BYTES",
        whole(1, 2**40),
        64 * MIB,
        "bytes",
        "Most bytes of requests above 1 MiB that a worker holds at one time; others wait, and a "
        "larger one is held alone.",
    ),
    Setting(
        "RATE_LIMIT",
        whole(0),
        0,
        "requests a minute",
        "Most requests of one client (key or address) in a minute; 0 sets no limit.",
    ),
    Setting(
        "RATE_LIMIT_STORAGE",
        str,
        "memory://",
        "URL",
        "Where requests are counted. `memory://` counts in each worker on its own: with several "
        "workers or replicas use `redis://host:6379`; while that is away, each counts on its own.",
    ),
    Setting(
        "API_KEYS",
        str,
        "",
        "lines",
        "Keys as `name:scopes:sha256`, separated by commas or white space; "
        "`flask --app history_service make-key` prints one.",
    ),
    Setting("API_KEYS_FILE", str, "", "path", "A file with more keys, one a line."),
    Setting(
        "REQUIRE_KEY",
        switch,
        False,
        "switch",
        "1 demands a key on every route but health and assets.",
    ),
    Setting(
        "KEEP_IMAGES",
        one_of("none", "thumb", "full"),
        "none",
        "none, thumb or full",
        "What is kept of a picture: nothing, a thumbnail (longest side 256), or all of it.",
    ),
    Setting(
        "UNSURE_BELOW",
        twentieth,
        0.6,
        "confidence",
        "Below it the model counts as unsure; a multiple of 0.05.",
    ),
    Setting(
        "CORS_ORIGINS",
        words,
        (),
        "origins",
        "Origins whose pages may call the service, such as `https://example.org`; none by default.",
    ),
    Setting(
        "ALLOWED_HOSTS",
        host_names,
        (),
        "names",
        "Names by which the service may be called, beside `localhost` and any address. None: all, "
        "but on loopback without keys and proxies no other, so that no site's name leads there.",
    ),
    Setting(
        "TRUSTED_PROXIES",
        whole(0, 10),
        0,
        "proxies",
        "Reverse proxies in front, whose X-Forwarded headers are believed.",
    ),
    Setting(
        "LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "info",
        "level",
        "Least level of the JSON logs on standard output.",
    ),
    Setting(
        "TRACING",
        switch,
        False,
        "switch",
        "1 sends OpenTelemetry traces, set up by the usual `OTEL_…` variables.",
    ),
)


def load_settings(
    overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """All settings: the default, over it the environment, over it `overrides` (values or text).

    Raises SettingError where one has a value that it cannot have.
    """
    given = {**{k: v for k, v in environ.items() if v != ""}, **(overrides or {})}
    loaded = {}
    for setting in SETTINGS:
        value = given.get(setting.name, setting.default)
        loaded[setting.name] = setting.read(value) if isinstance(value, str) else value
    if file := loaded["DATABASE_PASSWORD_FILE"]:
        loaded["DATABASE_URL"] = _with_password(loaded["DATABASE_URL"], file)
    return loaded


def _with_password(url: str, file: str) -> str:
    password = read_file("DATABASE_PASSWORD_FILE", file).strip()
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def settings_table() -> Iterator[str]:
    """The table in Markdown, a line at a time, for docs/api.md."""
    yield "| setting | default | unit | what it does |"
    yield "| --- | --- | --- | --- |"
    for setting in SETTINGS:
        yield f"| `{setting.name}` | {_shown(setting)} | {setting.unit} | {setting.description} |"


def _shown(setting: Setting) -> str:
    if setting.default in ("", ()):
        return "none"
    shown = int(setting.default) if isinstance(setting.default, bool) else setting.default
    return f"`{shown}`"
