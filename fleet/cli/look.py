"""Commands that look closer: tree, diff, why, events."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from fleet.api.client import ApiClient
from fleet.api.errors import ApiError
from fleet.api.stream import Changes, Reset
from fleet.cli.connection import ServerOption, TokenOption, client
from fleet.cli.output import EXIT_USAGE, Format, count, fail, printable, say, show_data, show_table
from fleet.view import Change, EventView, FieldChange, ObjectView


def tree(
    cluster: Annotated[str, typer.Argument(help="The cluster.")],
    bundle: Annotated[str, typer.Option("--bundle", "-b", help="Only this bundle.")] = "",
    output: Annotated[Format, typer.Option("--output", "-o")] = Format.TABLE,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Show every object of a cluster, by bundle.

    Examples:
        flotilla tree prod-eu-1
        flotilla tree prod-eu-1 --bundle payments
    """
    objects = [
        one
        for one in client(server, token_file).objects(cluster)
        if not bundle or one.bundle == bundle
    ]
    if output in (Format.JSON, Format.YAML):
        show_data(objects, output, kind="ObjectList")
        return
    by_bundle: dict[str, list[ObjectView]] = {}
    for one in objects:
        by_bundle.setdefault(one.bundle, []).append(one)
    for name, members in sorted(by_bundle.items()):
        print(printable(f"{name}  ({count(len(members), 'object')})"))
        rows = [
            [
                f"  {one.kind}",
                f"{one.namespace}/{one.name}" if one.namespace else one.name,
                one.health,
                "drifted" if one.drifted else one.state,
                one.message,
            ]
            for one in members
        ]
        show_table(rows, ["", "", "", "", ""], with_headers=False)


def diff(
    cluster: Annotated[str, typer.Argument(help="The cluster.")],
    bundle: Annotated[str, typer.Option("--bundle", "-b", help="Only this bundle.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Ask the cluster about every object, not the drifted.")
    ] = False,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Show how a cluster differs from what it should hold, field by field.

    Exit code 0: no difference; 1: differences; more: an error.

    Examples:
        flotilla diff prod-eu-1
        flotilla diff prod-eu-1 --bundle payments --all
    """
    try:
        found = _differences(client(server, token_file), cluster, bundle, everything=everything)
    except ApiError as error:
        fail(str(error), EXIT_USAGE)
    if not found:
        say("no differences")
    raise SystemExit(1 if found else 0)


def _differences(api: ApiClient, cluster: str, bundle: str, *, everything: bool) -> int:
    found = 0
    for one in api.objects(cluster):
        if (bundle and one.bundle != bundle) or one.state == "kept":
            continue
        if not everything and not one.drifted and one.state == "applied":
            continue
        detail = api.object(cluster, one)
        if detail.live_yaml and not detail.changes:
            continue
        found += 1
        where = f"{one.namespace}/{one.name}" if one.namespace else one.name
        held = f"  changed by {detail.last_changed_by}" if detail.last_changed_by else ""
        print(printable(f"{one.kind} {where} ({one.bundle}){held}"))
        if not detail.live_yaml:
            print("  not on the cluster")
        for change in detail.changes:
            print("\n".join(_lines(change)))
    return found


def _lines(change: FieldChange) -> list[str]:
    return [
        printable(f"  {change.path}"),
        printable(f"    - {_text(change.live)}   (live)"),
        printable(f"    + {_text(change.desired)}   (desired)"),
    ]


def _text(value: object) -> str:
    return "(not set)" if value is None else str(value)


def why(
    target: Annotated[
        list[str] | None,
        typer.Argument(help="fleet, cluster NAME, bundle NAME or rollout ID."),
    ] = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Say why something is as it is, one sentence for each reason.

    Examples:
        flotilla why
        flotilla why cluster prod-eu-3
        flotilla why bundle payments
    """
    words = target or ["fleet"]
    for sentence in client(server, token_file).why("/".join(words)):
        print(printable(sentence))


def events(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many to start with.")] = 30,
    cluster: Annotated[str, typer.Option("--cluster", "-c")] = "",
    bundle: Annotated[str, typer.Option("--bundle", "-b")] = "",
    output: Annotated[Format, typer.Option("--output", "-o")] = Format.TABLE,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Show the audit log: what happened, who did it, why.

    Examples:
        flotilla events -w
        flotilla events --cluster prod-eu-1 -n 100
    """
    api = client(server, token_file)
    cursor = api.snapshot().cursor
    rows = api.audit(limit=limit, cluster=cluster, bundle=bundle)
    if output in (Format.JSON, Format.YAML):
        show_data(rows, output, kind="EventList")
        return
    for row in rows:
        _print_event(row)
    while watch:
        with closing(api.changes(cursor)) as stream:
            for item in stream:
                if isinstance(item, Reset):
                    cursor = api.snapshot().cursor
                    break
                if isinstance(item, Changes):
                    cursor = item.cursor
                    for change in item.changes:
                        _print_matching(change, cluster, bundle)


def _print_matching(change: Change, cluster: str, bundle: str) -> None:
    event = change.value
    if not isinstance(event, EventView):
        return
    if cluster in ("", event.cluster) and bundle in ("", event.bundle):
        _print_event(event)


def _print_event(event: EventView) -> None:
    at = event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    print(printable(f"{event.seq:>6}  {at}  {event.actor:<10} {event.sentence}"), flush=True)
