"""What may stand beside a command, and in which form.  Pure.

Rules of commands take arguments as they come: what passes here cannot surprise them.
"""

from __future__ import annotations

import msgspec

from fleet.deciding.refusal import CommandRefused
from fleet.view import CommandRequest


class _Arguments(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Every argument that some command knows; null is as good as none."""

    bundle: str | None = None
    clusters: list[str] | None = None
    excuse: bool | None = None
    for_s: float | None = None
    gate: str | None = None
    list_hash: str | None = None
    plan_hash: str | None = None
    stage: str | None = None
    to: str | None = None
    window: str | None = None


def check_arguments(request: CommandRequest) -> None:
    """Refuse what no command takes: an unknown name, or a value of another form.

    Raises:
        CommandRefused: which, and why.
    """
    try:
        msgspec.convert(dict(request.arguments), _Arguments)
    except msgspec.ValidationError as error:
        raise CommandRefused(
            f"{request.command} cannot be carried out with these arguments: {error}"
        ) from None
