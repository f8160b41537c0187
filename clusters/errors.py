"""What can go wrong with one cluster.

    ClusterError                     the subject is a cluster, or one object of it
    +-- Unreachable                  no answer: refused, timed out, not TLS, not a Kubernetes API
    |   +-- SilentWatch              a watch told nothing for so long that it counts as lost
    |   +-- CircuitOpen              not asked: it failed so often that it is left alone for a while
    +-- Unauthorized                 401: the credentials are not (or no longer) accepted
    +-- Forbidden                    403: the credentials may not do this
    +-- CredentialsError             the connection itself is unusable: no such context, bad file
    +-- Throttled                    429, or 503 with Retry-After: ask again later
    +-- ServerFault                  any other 5xx
    +-- Gone                         410: the resourceVersion is too old, list again
    +-- NotFound                     404 for an object
    +-- UnknownKind                  the cluster does not serve this kind (its CRD may still come)
    +-- FieldConflict                409 of an apply: another field manager holds the field
    +-- NotOurs                      the object is there, and somebody else's
    +-- Conflict                     409 otherwise: the object changed meanwhile
    |   +-- AlreadyExists            409 of a create: there is one of this name
    +-- Fenced                       another server has the right to write to the cluster
    +-- InvalidObject                400, 413, 415, 422: the server refuses the object as it is

An expected error of a cluster is always one of these; it becomes an event and backoff.  Whatever
else escapes a reconciler is a bug, and quarantines its cluster.  The lower library's error is
always chained.  Messages never carry an object's content: it may be a Secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from clusters.model import ObjectRef


class ClusterError(Exception):
    """Base of all expected failures.  `retry_after_s` is the server's own wish, if any."""

    retry_after_s: float | None = None

    def __init__(self, message: str, *, ref: ObjectRef | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.ref = ref

    def __str__(self) -> str:
        return f"{self.ref}: {self.message}" if self.ref else self.message


class Unreachable(ClusterError):
    """No answer that a Kubernetes API server would give."""


class SilentWatch(Unreachable):
    """A watch without a byte, bookmarks included."""


class CircuitOpen(Unreachable):
    """Not asked at all; the message says how it failed before."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unauthorized(ClusterError):
    """The server does not accept our credentials."""


class Forbidden(ClusterError):
    """Our credentials are known, and do not allow this."""


class CredentialsError(ClusterError):
    """The connection cannot even be tried."""


class Throttled(ClusterError):
    """The server asks us to come back later."""

    def __init__(self, message: str, *, retry_after_s: float, ref: ObjectRef | None = None) -> None:
        super().__init__(message, ref=ref)
        self.retry_after_s = retry_after_s


class ServerFault(ClusterError):
    """The server failed on its side."""


class Gone(ClusterError):
    """The history we asked for is compacted."""


class NotFound(ClusterError):
    """There is no such object."""


class UnknownKind(ClusterError):
    """The cluster serves no such kind now."""


class FieldConflict(ClusterError):
    """Another field manager holds fields that we want to set.

    `holders` are (manager, field path) pairs as the server names them.
    """

    def __init__(
        self, message: str, *, holders: Sequence[tuple[str, str]], ref: ObjectRef | None = None
    ) -> None:
        super().__init__(message, ref=ref)
        self.holders = tuple(holders)


class NotOurs(ClusterError):
    """The object was there before us, and the bundle leaves it to whoever has it."""


class Conflict(ClusterError):
    """The object is no longer the one (or the version) that we meant."""


class AlreadyExists(Conflict):
    """There is an object of this name already."""


class InvalidObject(ClusterError):
    """The server refuses the object; trying again will not help.

    `causes` are (field, reason, message) with values removed.
    """

    def __init__(
        self,
        message: str,
        *,
        causes: Sequence[tuple[str, str, str]] = (),
        ref: ObjectRef | None = None,
    ) -> None:
        super().__init__(message, ref=ref)
        self.causes = tuple(causes)


class Fenced(ClusterError):
    """We do not, or no longer, have the right to write to this cluster (`bookkeeping.lease`)."""

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, free_at: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.free_at = free_at
        """When the right runs out, should nothing more be heard of who has it."""


OF_THE_CLUSTER = (Unreachable, Unauthorized, CredentialsError, Fenced)
"""Failures that say nothing of an object: the work stops, and the connection is looked at."""
