"""What `--help` says: the sentence first, then the examples as they are, then the rest.  Pure."""

from __future__ import annotations

import inspect

_AS_IS = "\b\n"
"""Tells the command line library not to fill the lines of a paragraph."""


def help_text(docstring: str | None) -> str:
    """Bring a command's docstring into the order in which people read help."""
    paragraphs = inspect.cleandoc(docstring or "").split("\n\n")
    examples = [_AS_IS + each for each in paragraphs if each.startswith("Examples:")]
    others = [each for each in paragraphs if not each.startswith("Examples:")]
    return "\n\n".join([*others[:1], *examples, *others[1:]])
