"""What the whole command needs beside itself."""

from tests.fakes.postgres import postgres_server

__all__ = ["postgres_server"]
