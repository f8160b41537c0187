"""Who is who: names and addresses in Git against people who give commands."""

from __future__ import annotations

import pytest

from fleet.model import Identities, Person

FLEET = Identities.of({"sre": ["ada", "ben"]}, {"ada": ["Ada@Example.com", "A. Lovelace"]})


@pytest.mark.parametrize(
    ("actor", "author", "part"),
    [
        ("ada", Person(name="x", email="ada@example.com"), "ada is an author"),
        ("ada", Person(name="a. lovelace", email="x@y"), "ada is an author"),
        ("ada", Person(name="ADA", email="x@y"), "ada is an author"),
        ("ada", Person(name="ada"), "ada is an author of the release"),
        # Not listed, but the address begins like the login: assumed to be the same person.
        ("zoe", Person(name="x", email="zoe@home.example"), "zoe is an author"),
        ("ben", Person(name="x", email="ada@example.com"), ""),
        ("ben", Person(name="x", email="y@z"), "nobody that the fleet knows, and so may be ben"),
        ("ben", Person(name="", email=""), "nobody that the fleet knows"),
        # Not known herself, but every author is known as somebody else.
        ("zoe", Person(name="ada"), ""),
    ],
)
def test_why_somebody_may_be_an_author(actor: str, author: Person, part: str) -> None:
    why = FLEET.why_not_apart(actor, [author])
    assert part in why if part else not why


def test_one_unknown_author_among_known_ones_is_enough() -> None:
    authors = [Person(name="ada"), Person(name="bot", email="bot@ci")]
    assert "bot <bot@ci>" in FLEET.why_not_apart("ben", authors)


def test_a_fleet_that_knows_nobody_lets_nobody_approve() -> None:
    assert Identities().why_not_apart("ben", [Person(name="ada")])
