"""PD's HTTP API, a file for each part of it. Importing this enters all routes into the table."""

from . import cluster, regions, schedule, stores  # noqa: F401 - they enter their routes
from .routes import Answer, Call, Forward, Http, Survey, answer, is_local

__all__ = ["Answer", "Call", "Forward", "Http", "Survey", "answer", "is_local"]
