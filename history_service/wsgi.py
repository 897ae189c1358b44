"""The application that a server imports: unlike every other module, it starts the service."""

from history_service.app import create_app
from history_service.schema_version import upgrade

app = create_app()
upgrade(app)
