"""Nothing is sent before a person said so, in the way its tier asks for."""

import pytest
from textual.widgets import Button, Input

from fleet.view import CommandResult
from tests.tui.running import Running, running
from tui.modals.confirm import AskModal, RefusedModal, TypeModal
from tui.orders.plans import Plan, Tier


async def select(run: Running, cluster: str) -> None:
    await run.press("2")
    run.table("clusters").move_to_key(cluster)


async def test_a_question_has_the_focus_on_cancel() -> None:
    async with running() as run:
        await select(run, "dev-eu-000")
        await run.press("s")
        assert isinstance(run.app.screen, AskModal)
        assert run.app.focused is not None
        assert run.app.focused.id == "cancel"
        await run.press("enter")

        assert run.server.commands == []


async def test_a_question_answered_with_yes_sends_once_and_tells_the_answer() -> None:
    async with running() as run:
        await select(run, "dev-eu-000")
        await run.press("s", "tab", "enter")
        await run.until(lambda: run.notices)

        (command,) = run.server.commands
        assert (command.command, command.target, command.actor) == (
            "reconcile",
            "cluster/dev-eu-000",
            "alice",
        )
        assert run.notices == ["Reconcile cluster/dev-eu-000  (audit 18235)"]


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_production_is_not_synced_by_habit(key: str) -> None:
    async with running() as run:
        await select(run, "prod-eu-009")
        await run.press("s")
        assert isinstance(run.app.screen, TypeModal)
        assert "PRODUCTION" in run.text
        await run.press(key, key, key)

        assert run.server.commands == []


async def test_the_scope_must_be_typed_exactly_and_a_reason_given() -> None:
    async with running() as run:
        await select(run, "prod-eu-009")
        await run.press("s")
        go = run.app.screen.query_one("#go", Button)
        await run.type("prod-eu-00")
        await run.press("tab")
        await run.type("checked with carol")
        assert go.disabled
        await run.press("enter")
        assert run.server.commands == []
        assert run.app.screen.query_one("#scope", Input).has_focus
        await run.press("end")
        await run.type("9")
        assert not go.disabled
        await run.press("enter")
        await run.until(lambda: run.server.commands)

        assert run.server.commands[0].reason == "checked with carol"


async def test_suspending_asks_for_a_reason_first() -> None:
    async with running() as run:
        await select(run, "dev-eu-000")
        await run.press("T", "enter")
        assert run.server.commands == []
        await run.type("load test")
        await run.press("enter")
        await run.until(lambda: run.server.commands)

        assert run.server.commands[0].reason == "load test"


async def test_pausing_a_rollout_is_sent_at_once() -> None:
    async with running() as run:
        await run.press("4", "T")
        await run.until(lambda: run.server.commands)

        assert run.server.commands[0].command == "pause"


async def test_approving_by_keys_alone() -> None:
    async with running() as run:
        await run.press("8", "a")
        await run.type("prod")
        await run.press("tab")
        await run.type("metrics flat")
        await run.press("enter")
        await run.until(lambda: run.server.commands)

        (command,) = run.server.commands
        assert (command.command, command.target) == ("approve", "rollout/payments-7")
        assert command.arguments["planHash"] == "5e1d0c"


async def test_what_is_typed_in_a_hurry_lands_in_its_field() -> None:
    async with running() as run:
        await run.press("8", "a")
        await run.rush(*"prod", "tab", *"flat", "enter")
        await run.until(lambda: run.server.commands)

        assert run.server.commands[0].reason == "flat"


async def test_many_are_sent_one_by_one_and_each_refusal_is_told() -> None:
    async with running() as run:
        run.server.answer = lambda request: CommandResult(
            accepted=request.target != "cluster/dev-eu-000",
            message=f"{request.target}: frozen until Monday",
        )
        await run.press("2", "N", "space", "space", "s", "tab", "enter")
        await run.until(lambda: len(run.notices) == 2)

        assert [each.target for each in run.server.commands] == [
            "cluster/dev-ap-002",
            "cluster/dev-eu-000",
        ]
        assert "dev-eu-000: frozen until Monday" in run.notices[0]
        assert len(set(run.server.idempotency_keys)) == 2


async def test_a_lost_answer_is_not_repeated() -> None:
    async with running() as run:
        await select(run, "dev-eu-000")
        run.server.status_of = {"/v1/commands": 503}
        await run.press("s", "tab", "enter")
        await run.until(lambda: run.notices)

        assert len([each for each in run.server.requests if each.startswith("POST")]) == 1
        assert "Told to answer 503" in run.notices[0]


async def test_a_refused_plan_cannot_be_confirmed() -> None:
    async with running() as run:
        plan = Plan(title="Empty web", verb="Delete", tier=Tier.REFUSE, requests=(), scope="web")
        run.app.push_screen(RefusedModal(plan))
        await run.shows("Empty web: not here")
        assert "flotilla confirm-prune web" in run.text
        await run.press("enter")

        assert run.server.commands == []


async def test_long_lists_of_facts_are_counted() -> None:
    async with running(size=(80, 24)) as run:
        facts = tuple(f"fact {number}" for number in range(40))
        plan = Plan(title="Do it", verb="Do", tier=Tier.ASK, requests=(), facts=facts)
        run.app.push_screen(AskModal(plan))

        await run.shows("and 30 more")
        assert "Cancel" in run.text
