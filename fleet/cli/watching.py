"""Waits for what `--watch` prints next."""

from __future__ import annotations

import time
from contextlib import closing

from fleet.api.client import ApiClient
from fleet.api.errors import ServerUnreachable
from fleet.api.stream import Changes, Heartbeat, Reset, StreamItem
from fleet.cli.output import say
from fleet.view import FleetView

_RETRY_S = 1.0


def next_view(api: ApiClient, view: FleetView, entity: str) -> FleetView:
    """The fleet after the next change of such entities; a server that is away is waited for."""
    lost = False
    while True:
        try:
            if not lost:
                with closing(api.changes(view.cursor)) as stream:
                    next((item for item in stream if _concerns(item, entity)), None)
                time.sleep(0.5)  # changes come in flocks
            return api.snapshot()
        except ServerUnreachable as error:
            if not lost:
                say(f"{error.message} Waiting for it …")
            lost = True
            time.sleep(_RETRY_S)


def _concerns(item: StreamItem, entity: str) -> bool:
    """Whether a list of such entities may be another one now."""
    match item:
        case Changes():
            return any(change.entity == entity for change in item.changes)
        case Reset():
            return True
        case Heartbeat():
            return False
