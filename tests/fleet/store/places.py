"""Where the tests keep their stores, and how they get behind the store's back."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from clusters.model import Applied, BundleName, Digest, Manifest, ObjectRef
from fleet.store.model import EventDraft
from fleet.store.store import Store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class StorePlace:
    """A place for one store, which can be opened again and again."""

    url_or_path: str | Path

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key_file = directory / "store.key"
        self.clock = ManualClock()

    async def open(self, **options: Any) -> Store:
        defaults: dict[str, Any] = {"key_file": self.key_file, "clock": self.clock}
        return await Store.open(self.url_or_path, **(defaults | options))

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run SQL as an administrator would; the last statement's rows."""
        raise NotImplementedError

    def unprotect_events(self) -> None:
        """Take away the triggers on the audit log, as an attacker would."""
        raise NotImplementedError


class SqlitePlace(StorePlace):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.url_or_path = directory / "state.db"

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.url_or_path, isolation_level=None, timeout=60)
        try:
            return [connection.execute(statement).fetchall() for statement in statements][-1]
        finally:
            connection.close()

    def unprotect_events(self) -> None:
        triggers = self.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        self.execute(*(f"DROP TRIGGER {name}" for (name,) in triggers))


class PostgresPlace(StorePlace):
    def __init__(self, directory: Path, url: str) -> None:
        super().__init__(directory)
        self.url_or_path = url

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(str(self.url_or_path), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def unprotect_events(self) -> None:
        self.execute("ALTER TABLE event DISABLE TRIGGER USER")


def draft(number: int = 1, **fields: Any) -> EventDraft:
    """An event that tells itself from others by `number`."""
    values: dict[str, Any] = {
        "kind": "ClusterJoined",
        "at": START + timedelta(seconds=number),
        "actor": "coordinator",
        "data": {"number": number},
    }
    return EventDraft(**(values | fields))


def manifest(name: str = "settings", **data: str) -> Manifest:
    metadata = {"name": name, "namespace": "shop"}
    return Manifest.of(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    )


def applied(name: str = "settings", **fields: Any) -> Applied:
    values: dict[str, Any] = {
        "ref": ObjectRef("", "ConfigMap", "shop", name),
        "api_version": "v1",
        "bundle": BundleName("shop"),
        "digest": Digest("0" * 32),
    }
    return Applied(**(values | fields))
