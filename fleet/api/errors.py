"""What can go wrong between a client and the server.

    ApiError                   `message` says what happened and where, `hint` what to do
    +-- ServerUnreachable      nobody answers at that address, or the answer stopped half way
    +-- NotAuthorised          401 or 403: the token is missing, wrong, or may not do this
    +-- Refused                the server understood the command and says no (`result` says why)
    +-- ServerError            any other answer that is no success: 404, 5xx, no JSON

Raised by `fleet.api.client` only; shown as they are by the CLI and the TUI.
"""

from __future__ import annotations

from fleet.view import CommandResult


class ApiError(Exception):
    """Base of all failures of a request."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ServerUnreachable(ApiError):
    """No answer.  Whether a command was carried out is not known then: look before repeating."""


class NotAuthorised(ApiError):
    """The server answers, but not to us."""


class Refused(ApiError):
    """A command that the server will not carry out.  Repeating it unchanged will not help."""

    def __init__(self, result: CommandResult, *, status: int) -> None:
        super().__init__(result.message)
        self.result = result
        self.status = status


class ServerError(ApiError):
    """The server failed, or what answers is no Flotilla server of this version."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status = status
