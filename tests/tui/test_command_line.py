import pytest

from tests.fakes import fleets
from tui.command_line import (
    Find,
    GoTo,
    Run,
    Server,
    Show,
    Sort,
    Theme,
    Wrong,
    command_words,
    completions,
    parse_command,
)
from tui.model.store import FleetStore


@pytest.fixture(scope="module")
def store() -> FleetStore:
    made = FleetStore()
    made.load(fleets.fleet(24))
    return made


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("clusters", GoTo(view="clusters")),
        (":cl env=prod", GoTo(view="clusters", filter="-l env=prod")),
        ("drift /web", GoTo(view="drift", filter="web")),
        ("ev alice", GoTo(view="events", filter="alice")),
        ("apps", GoTo(view="bundles")),
        ("cluster dev-eu-000", Show(subject="cluster/dev-eu-000")),
        ("app web", Show(subject="bundle/web")),
        ("rollout payments-7", Show(subject="rollout/payments-7")),
        ("find pay-api", Find(text="pay-api")),
        ("sort why desc", Sort(column="why", descending=True)),
        ("sort name", Sort(column="name", descending=False)),
        ("theme ansi-dark", Theme(name="ansi-dark")),
        ("ctx", Server()),
        ("ctx eu", Server(name="eu")),
        ("sync", Run(action="sync")),
        ("q", Run(action="quit")),
    ],
)
def test_a_command_is_read(store: FleetStore, typed: str, command: object) -> None:
    assert parse_command(typed, store) == command


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("clustres", "no command 'clustres': did you mean :clusters?"),
        ("cluster dev-eu-00", "no cluster 'dev-eu-00': did you mean dev-eu-000?"),
        ("find", "find what? :find TEXT"),
        ("xyzzy", "no command 'xyzzy'"),
    ],
)
def test_what_means_nothing_says_what_was_near(store: FleetStore, typed: str, message: str) -> None:
    assert parse_command(typed, store) == Wrong(message=message)


def test_completion_goes_on_from_what_is_typed(store: FleetStore) -> None:
    assert completions("clu", store, [])[:2] == ["clusters", "cluster"]
    assert completions("cluster prod-us", store, [])[0] == "cluster prod-us-010"
    assert completions("theme a", store, ["ansi-dark", "other"]) == ["theme ansi-dark"]
    assert completions("ctx e", store, [], ["us", "eu"]) == ["ctx eu"]
    assert completions("find x", store, []) == []


def test_every_word_that_is_offered_means_something(store: FleetStore) -> None:
    for word in command_words():
        command = parse_command(f"{word} payments", store)
        wrong = isinstance(command, Wrong)
        assert not wrong or "did you mean" in command.message or word in command.message
