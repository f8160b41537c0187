"""Places in the order they were visited, as a browser keeps them.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

PLACES_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one is: a top view, and what was opened on top of it, in order."""

    view: str
    opened: tuple[object, ...] = ()


@dataclass(slots=True)
class Visited:
    """The way so far; `at` is where one stands on it."""

    places: list[Place] = field(default_factory=list)
    at: int = -1
    _before: Place | None = None

    @property
    def here(self) -> Place | None:
        """Where one is; None before the first place."""
        return self.places[self.at] if self.places else None

    @property
    def before(self) -> Place | None:
        """Where one was just before, whichever way one came here."""
        return self._before

    def went(self, place: Place) -> None:
        """A new place was reached: what lay ahead is forgotten."""
        if place == self.here:
            return
        self._before = self.here
        del self.places[self.at + 1 :]
        self.places.append(place)
        del self.places[:-PLACES_MAX]
        self.at = len(self.places) - 1

    def step(self, by: int) -> Place | None:
        """Go back (-1) or forward (1) on the way; None at its ends."""
        if not 0 <= self.at + by < len(self.places):
            return None
        self._before = self.here
        self.at += by
        return self.here
