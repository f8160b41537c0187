"""People: who wrote a commit, and which of those that give commands that is.

Git knows names and e-mail addresses, commands come from actors (a login, or the name of a token).
The `Fleet` document says what belongs together: `roles` names actors, `identities` lists how each
of them appears in Git.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Person:
    """Somebody as Git names them; either may be empty."""

    name: str
    email: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """How the people that the fleet knows appear in Git."""

    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Actor to names and addresses, in lower case; the actor's own name is always one."""

    @classmethod
    def of(
        cls, roles: Mapping[str, Iterable[str]], identities: Mapping[str, Iterable[str]]
    ) -> Identities:
        """Collect everybody who holds a role or has an identity."""
        found = {actor: {actor.lower()} for people in roles.values() for actor in people}
        for actor, names in identities.items():
            known = found.setdefault(actor, {actor.lower()})
            known.update(name.lower() for name in names)
        return cls(aliases={actor: frozenset(names) for actor, names in found.items()})

    def actors(self, person: Person) -> frozenset[str]:
        """Say whom of the fleet's people `person` is; none: nobody that it knows."""
        names = {person.name.lower(), person.email.lower()} - {""}
        return frozenset(actor for actor, known in self.aliases.items() if names & known)

    def is_same(self, actor: str, person: Person) -> bool:
        """Whether `person` is `actor`, or looks so much like them that it must be assumed."""
        local = person.email.partition("@")[0]
        alike = {person.name.lower(), person.email.lower(), local.lower()}
        return actor.lower() in alike or actor in self.actors(person)

    def why_not_apart(self, actor: str, authors: Iterable[Person]) -> str:
        """Say why it is not certain that `actor` wrote none of it; empty: it is.

        Somebody unknown may be anybody, so each author has to be known as somebody else.
        """
        people = list(authors)
        for person in people:
            if self.is_same(actor, person):
                named = "" if str(person) == actor else f" ({person})"
                return f"{actor} is an author of the release{named}"
        for person in people:
            if not self.actors(person):
                return (
                    f"its author {person} is nobody that the fleet knows, and so may be {actor}; "
                    "list the address under spec.identities of the Fleet document"
                )
        return ""
