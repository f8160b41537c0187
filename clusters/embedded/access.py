"""Who asks, and may they: tokens, impersonation, RBAC.

The bearer of the cluster's token is the administrator and may everything; whoever is impersonated
may what Roles and Bindings of the cluster grant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusters.embedded.status import unauthorized

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody, as RBAC sees them."""

    name: str
    groups: Sequence[str] = ()

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed without looking."""
        return MASTERS in self.groups


ADMIN = User(name="kubernetes-admin", groups=(MASTERS, AUTHENTICATED))
ANONYMOUS = User(name="system:anonymous", groups=("system:unauthenticated",))


def authenticate(headers: Mapping[str, str], tokens: frozenset[str]) -> User:
    """Tell who asks.

    Raises:
        ApiStatus: 401 for a token that is not accepted.
    """
    given = headers.get("Authorization", "")
    if not given:
        return ANONYMOUS
    scheme, _, token = given.partition(" ")
    if scheme.lower() != "bearer" or token not in tokens:
        raise unauthorized()
    return ADMIN
