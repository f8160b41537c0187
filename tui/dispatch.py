"""From a plan to its answer: confirm as its tier says, send in a worker, tell what became of it.

A command is sent once.  When the answer is lost, nobody repeats it: the message says so, and the
stream will show whether it was carried out.
"""

from __future__ import annotations

import msgspec
from textual import on, work
from textual.worker import get_current_worker

from fleet.api.errors import ApiError, Refused, ServerUnreachable
from fleet.view import CommandRequest, CommandResult
from tui import messages
from tui.canvas import Canvas
from tui.modals.confirm import AskModal, RefusedModal, TypeModal
from tui.orders.plans import Plan, Tier
from tui.session import Session
from tui.text.escape import one_line


class Dispatch(Canvas):
    """The part of the app that sends commands."""

    session: Session

    @on(messages.Confirm)
    def _confirm(self, event: messages.Confirm) -> None:
        plan = event.plan

        def answered(reason: str | None) -> None:
            if reason is not None:
                self._send(plan, reason)

        match plan.tier:
            case Tier.SEND:
                self._send(plan, "")
            case Tier.ASK:
                self.push_screen(AskModal(plan), answered)
            case Tier.TYPE:
                self.push_screen(TypeModal(plan), answered)
            case Tier.REFUSE:
                self.push_screen(RefusedModal(plan))

    def _send(self, plan: Plan, reason: str) -> None:
        if why := self.session.why_no_writes():
            self.notify(f"{plan.verb}: {why}.", severity="warning", markup=False)
            return
        requests = [
            msgspec.structs.replace(each, reason=reason, actor=self.session.actor)
            for each in plan.requests
        ]
        self._post(plan.title, requests)

    @work(thread=True, group="commands", exit_on_error=False)
    def _post(self, title: str, requests: list[CommandRequest]) -> None:
        results: list[CommandResult] = []
        failures: list[str] = []
        worker = get_current_worker()
        for request in requests:
            if worker.is_cancelled:
                break
            try:
                results.append(_in_words(request, self.session.client.command(request)))
            except Refused as error:
                failures.append(f"{request.target}: {error.message}")
            except ServerUnreachable as error:
                failures.append(
                    f"{request.target}: {error.message} It was not repeated; "
                    "whether it was carried out will show in the events."
                )
                break
            except ApiError as error:
                failures.append(f"{request.target}: {error.message}")
        self.post_message(messages.Answered(title, results, failures))

    @on(messages.Answered)
    def _answered(self, event: messages.Answered) -> None:
        if event.failures:
            self.notify(
                "\n".join(one_line(each) for each in event.failures[:4]),
                title=f"{one_line(event.title)}: refused",
                severity="error",
                timeout=12,
                markup=False,
            )
        if event.results:
            rows = [str(each.seq) for each in event.results if each.seq is not None]
            audit = f"  (audit {', '.join(rows[:4])})" if rows else ""
            said = [one_line(each.message) for each in event.results[:3]]
            self.notify("\n".join(said) + audit, title=one_line(event.title), markup=False)


def _in_words(request: CommandRequest, result: CommandResult) -> CommandResult:
    """An answer without the command it repeats: the title says that in words already."""
    said = result.message.removeprefix(f"{request.command} {request.target}: ")
    return msgspec.structs.replace(result, message=said[:1].upper() + said[1:])
