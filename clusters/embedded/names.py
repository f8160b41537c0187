"""What names, labels and keys may look like (k8s.io/apimachinery/pkg/util/validation).

Each check gives what is wrong, in the server's words; an empty list means nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

Check = Callable[[str], list[str]]

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = _LABEL + r"(\." + _LABEL + ")*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE: Final = f"({_QUALIFIED})?"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"

_LABEL_LENGTH: Final = 63
_SUBDOMAIN_LENGTH: Final = 253

_LABEL_SAYS: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character"
)
_SUBDOMAIN_SAYS: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)
_LABEL_1035_SAYS: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character"
)
_QUALIFIED_SAYS: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
)
_LABEL_VALUE_SAYS: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character"
)
_ENV_NAME_SAYS: Final = (
    "a valid environment variable name must consist only of printable ASCII characters "
    "other than '='"
)
_CONFIG_KEY_SAYS: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
)


def _says(text: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {shown}regex used for validation is '{pattern}')"


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} bytes"


@lru_cache(maxsize=8192)
def _fits(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def dns_label(value: str) -> list[str]:
    """Check an RFC 1123 label (namespaces, containers)."""
    out = [_too_long(_LABEL_LENGTH)] if len(value) > _LABEL_LENGTH else []
    if not _fits(_LABEL, value):
        out.append(_says(_LABEL_SAYS, _LABEL, "my-name", "123-abc"))
    return out


def dns_subdomain(value: str) -> list[str]:
    """Check an RFC 1123 subdomain (most names)."""
    out = [_too_long(_SUBDOMAIN_LENGTH)] if len(value) > _SUBDOMAIN_LENGTH else []
    if not _fits(_SUBDOMAIN, value):
        out.append(_says(_SUBDOMAIN_SAYS, _SUBDOMAIN, "example.com"))
    return out


def dns_1035_label(value: str) -> list[str]:
    """Check an RFC 1035 label (services)."""
    out = [_too_long(_LABEL_LENGTH)] if len(value) > _LABEL_LENGTH else []
    if not _fits(_LABEL_1035, value):
        out.append(_says(_LABEL_1035_SAYS, _LABEL_1035, "my-name", "abc-123"))
    return out


def path_segment(value: str) -> list[str]:
    """Check a name that only has to be safe in a URL (RBAC)."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in value]


def qualified_name(value: str) -> list[str]:
    """Check a label key, annotation key or finalizer: a name, with or without a prefix."""
    prefix, slash, name = value.rpartition("/")
    if value.count("/") > 1:
        says = _says(_QUALIFIED_SAYS, _QUALIFIED, "MyName", "my.name", "123-abc")
        ending = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a qualified name {says} {ending}"]
    out: list[str] = []
    if slash:
        if not prefix:
            out.append("prefix part must be non-empty")
        else:
            out += ["prefix part " + message for message in dns_subdomain(prefix)]
    if not name:
        out.append("name part must be non-empty")
    elif len(name) > _LABEL_LENGTH:
        out.append("name part " + _too_long(_LABEL_LENGTH))
    if not _fits(_QUALIFIED, name):
        says = _says(_QUALIFIED_SAYS, _QUALIFIED, "MyName", "my.name", "123-abc")
        out.append("name part " + says)
    return out


def label_value(value: str) -> list[str]:
    """Check the value of a label."""
    out = [_too_long(_LABEL_LENGTH)] if len(value) > _LABEL_LENGTH else []
    if not _fits(_LABEL_VALUE, value):
        out.append(_says(_LABEL_VALUE_SAYS, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return out


def config_key(value: str) -> list[str]:
    """Check a key of a ConfigMap or Secret."""
    out = [_too_long(_SUBDOMAIN_LENGTH)] if len(value) > _SUBDOMAIN_LENGTH else []
    if not _fits(_CONFIG_KEY, value):
        out.append(_says(_CONFIG_KEY_SAYS, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in (".", ".."):
        out.append(f"must not be '{value}'")
    elif value.startswith(".."):
        out.append("must not start with '..'")
    return out


def env_name(value: str) -> list[str]:
    """Check the name of an environment variable."""
    if not value:
        return ["must be non-empty"]
    if re.fullmatch(r"[ -<>-~]+", value) is None:
        return [_ENV_NAME_SAYS]
    return []


def port_name(value: str) -> list[str]:
    """Check the name of a container port (RFC 6335)."""
    limit = 15
    out = [f"must be no more than {limit} characters"] if len(value) > limit else []
    if not _fits("[-a-z0-9]+", value):
        out.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        out.append("must contain at least one letter (a-z)")
    if "--" in value:
        out.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        out.append("must not begin or end with a hyphen")
    return out


def prefix_of(check: Check) -> Check:
    """Make the check of a `generateName`: a trailing dash is fine there."""

    def checked(value: str) -> list[str]:
        return check(value[:-1] + "a" if len(value) > 1 and value.endswith("-") else value)

    return checked


PORT_RANGE: Final = "must be between 1 and 65535, inclusive"
_PORT_MAX: Final = 65535


def port(value: object) -> Sequence[str]:
    """Check a port number."""
    return () if isinstance(value, int) and 1 <= value <= _PORT_MAX else (PORT_RANGE,)
