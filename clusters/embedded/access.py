"""Who asks, and may they: tokens, impersonation, RBAC.

The bearer of the cluster's token is its administrator and may do everything, impersonating
included; whoever is impersonated may do what Roles and Bindings of the cluster grant.  The rules
are those of k8s.io/kubernetes plugin/pkg/auth/authorizer/rbac: permissions only add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clusters.embedded.exchange import Headers
from clusters.embedded.kinds import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
)
from clusters.embedded.status import ApiStatus, Details, forbidden, internal_error, unauthorized
from clusters.embedded.storage import Storage

Rule = Mapping[str, Any]

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
_SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody, as RBAC sees them."""

    name: str
    groups: Sequence[str] = ()
    uid: str = ""

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed without looking."""
        return MASTERS in self.groups


ADMIN = User(name="kubernetes-admin", groups=(MASTERS, AUTHENTICATED))
ANONYMOUS = User(name="system:anonymous", groups=(UNAUTHENTICATED,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What somebody wants to do.  `path` is set for what is no resource."""

    verb: str
    group: str = ""
    plural: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def resource(self) -> str:
        """`pods`, or `pods/log`."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural


def authenticate(headers: Headers, tokens: Mapping[str, User]) -> User:
    """Tell who asks, or as whom.

    Raises:
        ApiStatus: 401 for a token that is not accepted, 403 for impersonation by somebody who
            may not.
    """
    given = headers.get("Authorization", "")
    user = ANONYMOUS
    if given:
        scheme, _, token = given.partition(" ")
        bearer = tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if bearer is None:
            raise unauthorized()
        user = bearer
    name = headers.get("Impersonate-User", "")
    groups = headers.getall("Impersonate-Group", [])
    if not name:
        if groups or headers.get("Impersonate-Uid", ""):
            raise internal_error("requested impersonation without impersonating a user")
        return user
    if not user.is_admin:
        wanted = 'cannot impersonate resource "users" in API group "" at the cluster scope'
        why = f'User "{user.name}" {wanted}'
        raise forbidden("users", name, why)
    return impersonated(name, groups, headers.get("Impersonate-Uid", ""))


def impersonated(name: str, groups: Sequence[str], uid: str = "") -> User:
    """Make the user that impersonation leads to, with the groups that come of themselves."""
    held = list(groups)
    if name.startswith(_SERVICE_ACCOUNT) and not groups:
        namespace = name.removeprefix(_SERVICE_ACCOUNT).partition(":")[0]
        held += ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    own = UNAUTHENTICATED if name == ANONYMOUS.name else AUTHENTICATED
    if own not in held:
        held.append(own)
    return User(name=name, groups=tuple(held), uid=uid)


def _is_subject(user: User, subject: Mapping[str, Any], namespace: str) -> bool:
    name = subject.get("name")
    match subject.get("kind"):
        case "User":
            return name == user.name
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            home = subject.get("namespace") or namespace
            return user.name == f"{_SERVICE_ACCOUNT}{home}:{name}"
    return False


def _rules_of(storage: Storage, binding: Mapping[str, Any], namespace: str) -> Sequence[Rule]:
    reference = binding.get("roleRef") or {}
    name = str(reference.get("name", ""))
    if reference.get("kind") == "ClusterRole":
        stored = storage.get(CLUSTER_ROLES.storage_key, name)
    else:
        stored = storage.get(ROLES.storage_key, f"{namespace}/{name}")
    return (stored.load().get("rules") or ()) if stored is not None else ()


def _grant(binding: Mapping[str, Any], subject: Mapping[str, Any], namespace: str) -> str:
    """Say by what somebody holds a role, as the real authorizer does."""
    reference, name = binding["roleRef"], binding["metadata"]["name"]
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    named = f"{name}/{namespace}" if namespace else name
    who = subject["name"]
    if subject["kind"] == "ServiceAccount":
        who = f"{who}/{subject.get('namespace', '')}"
    role = f'{reference["kind"]} "{reference["name"]}"'
    return f'{kind} "{named}" of {role} to {subject["kind"]} "{who}"'


def grants_for(storage: Storage, user: User, namespace: str) -> Iterator[tuple[Rule, str]]:
    """Give every rule that is granted to a user, in a namespace or everywhere, and by what."""
    bindings = [("", storage.shelf(CLUSTER_ROLE_BINDINGS.storage_key).sorted())]
    if namespace:
        own = storage.shelf(ROLE_BINDINGS.storage_key).sorted()
        inside = (stored for stored in own if stored.namespace == namespace)
        bindings.append((namespace, inside))
    for home, found in bindings:
        for stored in found:
            binding = stored.load()
            for subject in binding.get("subjects") or ():
                if _is_subject(user, subject, home):
                    grant = _grant(binding, subject, home)
                    yield from ((rule, grant) for rule in _rules_of(storage, binding, home))
                    break


def _has(granted: Iterable[str] | None, wanted: str) -> bool:
    held = granted or ()
    return "*" in held or wanted in held


def _covers(rule: Rule, wanted: Attributes) -> bool:
    if not _has(rule.get("verbs"), wanted.verb):
        return False
    if wanted.path:
        return any(
            held in ("*", wanted.path)
            or (held.endswith("*") and wanted.path.startswith(held.rstrip("*")))
            for held in rule.get("nonResourceURLs") or ()
        )
    if not _has(rule.get("apiGroups"), wanted.group):
        return False
    resources = rule.get("resources") or ()
    any_subresource = f"*/{wanted.subresource}" if wanted.subresource else "*"
    if not _has(resources, wanted.resource) and any_subresource not in resources:
        return False
    names = rule.get("resourceNames") or ()
    return not names or wanted.name in names


def granted_by(storage: Storage, user: User, wanted: Attributes) -> str | None:
    """Say by what a user may do what they want to; None if they may not."""
    if user.is_admin:
        return ""
    for rule, grant in grants_for(storage, user, wanted.namespace):
        if _covers(rule, wanted):
            return f"RBAC: allowed by {grant}"
    return None


def allows(storage: Storage, user: User, wanted: Attributes) -> bool:
    """Tell whether a user may do what they want to."""
    return granted_by(storage, user, wanted) is not None


def authorise(storage: Storage, user: User, wanted: Attributes) -> None:
    """Let a user do what they want to.

    Raises:
        ApiStatus: 403, saying who may not do what, and where.
    """
    if allows(storage, user, wanted):
        return
    if wanted.path:
        raise ApiStatus(
            403,
            "Forbidden",
            f'forbidden: User "{user.name}" cannot {wanted.verb} path "{wanted.path}"',
            details=Details(),
        )
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    why = (
        f'User "{user.name}" cannot {wanted.verb} resource "{wanted.resource}" in API group '
        f'"{wanted.group}" {where}'
    )
    raise forbidden(wanted.plural, wanted.name, why, group=wanted.group)


Review = Callable[[Storage, User, dict[str, Any], str], dict[str, Any]]


def _wanted(spec: Mapping[str, Any], namespace: str = "") -> Attributes:
    urls = spec.get("nonResourceAttributes") or {}
    if urls:
        return Attributes(verb=urls.get("verb", ""), path=urls.get("path", ""))
    asked = spec.get("resourceAttributes") or {}
    return Attributes(
        verb=asked.get("verb", ""),
        group=asked.get("group", ""),
        plural=asked.get("resource", ""),
        subresource=asked.get("subresource", ""),
        namespace=namespace or asked.get("namespace", ""),
        name=asked.get("name", ""),
    )


def _verdict(grant: str | None) -> dict[str, Any]:
    if grant is None:
        return {"allowed": False}
    return {"allowed": True, "reason": grant} if grant else {"allowed": True}


def _self_access(storage: Storage, user: User, body: dict[str, Any], _: str) -> dict[str, Any]:
    return _verdict(granted_by(storage, user, _wanted(body.get("spec") or {})))


def _access(storage: Storage, user: User, body: dict[str, Any], namespace: str) -> dict[str, Any]:
    spec = body.get("spec") or {}
    subject = User(name=spec.get("user", ""), groups=tuple(spec.get("groups") or ()))
    return _verdict(granted_by(storage, subject, _wanted(spec, namespace)))


def _self_rules(storage: Storage, user: User, body: dict[str, Any], _: str) -> dict[str, Any]:
    namespace = (body.get("spec") or {}).get("namespace", "")
    everything = {"verbs": ["*"]}
    if user.is_admin:
        resources: list[Any] = [everything | {"apiGroups": ["*"], "resources": ["*"]}]
        urls: list[Any] = [everything | {"nonResourceURLs": ["*"]}]
    else:
        rules = [rule for rule, _ in grants_for(storage, user, namespace)]
        resources = [rule for rule in rules if rule.get("resources")]
        urls = [rule for rule in rules if rule.get("nonResourceURLs")]
    return {"resourceRules": resources, "nonResourceRules": urls, "incomplete": False}


def _self_subject(storage: Storage, user: User, body: dict[str, Any], _: str) -> dict[str, Any]:
    info: dict[str, Any] = {"username": user.name, "groups": list(user.groups)}
    return {"userInfo": info | ({"uid": user.uid} if user.uid else {})}


def _token(storage: Storage, user: User, body: dict[str, Any], _: str) -> dict[str, Any]:
    return {"user": {}, "error": "tokens of this cluster are not reviewed"}


REVIEWS: Mapping[str, Review] = {
    "localsubjectaccessreviews": _access,
    "selfsubjectaccessreviews": _self_access,
    "selfsubjectreviews": _self_subject,
    "selfsubjectrulesreviews": _self_rules,
    "subjectaccessreviews": _access,
    "tokenreviews": _token,
}
"""How a question that is posed as an object is answered: its status, by plural."""
