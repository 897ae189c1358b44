"""The history service: a Flask sidecar in front of a served model."""

from history_service.app import create_app

__all__ = ["create_app"]
