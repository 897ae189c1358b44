"""Tells a webhook how a run of mlops.yaml ended: Discord, Slack, Teams, or any that takes `text`.

Environment: WEBHOOK_URL (without it nothing is sent), ACTION, RESULTS of the jobs, RUN_URL.
Standard input: what `python -m azure_ml models` prints, from which the champion's line is taken.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

TEAMS = (".office.com", ".logic.azure.com", ".powerplatform.com")


def message(environ: Mapping[str, str], models: str) -> str:
    """One line for people: what ran, how it ended, which version is the champion."""
    results = environ.get("RESULTS", "").split()
    ended = "failed" if "failure" in results or "cancelled" in results else "succeeded"
    line = next((line for line in models.splitlines() if "champion" in line), "")
    version = line.split()[0] if line.split()[:1] and line.split()[0].isdigit() else "unknown"
    action, link = environ.get("ACTION", "mlops"), environ.get("RUN_URL", "")
    return f"{action} {ended}; champion: version {version}. {link}".rstrip()


def body(url: str, text: str) -> dict:
    """The JSON that the service behind a webhook's address takes."""
    host = urlsplit(url).hostname or ""
    if host.endswith(("discord.com", "discordapp.com")):
        return {"content": text}
    if host.endswith(TEAMS):
        block = {"type": "TextBlock", "text": text, "wrap": True}
        card = {"type": "AdaptiveCard", "version": "1.4", "body": [block]}
        kind = "application/vnd.microsoft.card.adaptive"
        return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
    return {"text": text}


def send(url: str, text: str) -> None:
    """Raises OSError where the webhook does not take it; no message names the address, a secret."""
    data = json.dumps(body(url, text)).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "sports-ball-mlops"}
    request = urllib.request.Request(url, data, headers)  # noqa: S310
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310


def main() -> None:
    """The command."""
    text = message(os.environ, "" if sys.stdin.isatty() else sys.stdin.read())
    print(f"notify: {text}")
    url = os.environ.get("WEBHOOK_URL", "")
    if not url:
        print("notify: no WEBHOOK_URL: nothing is sent")
        return
    try:
        send(url, text)
    except OSError as error:
        sys.exit(
            f"notify: the webhook did not take it: {getattr(error, 'code', type(error).__name__)}"
        )


if __name__ == "__main__":
    main()
