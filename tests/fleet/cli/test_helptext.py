"""The order of help: sentence, examples, the rest."""

from __future__ import annotations

from fleet.cli.helptext import help_text


def test_examples_come_right_after_the_sentence_and_keep_their_lines() -> None:
    text = help_text(
        """Do it.

        More words.

        Examples:
            flotilla a
            flotilla b
        """
    )
    assert text == "Do it.\n\n\b\nExamples:\n    flotilla a\n    flotilla b\n\nMore words."


def test_no_docstring_is_no_help() -> None:
    assert help_text(None) == ""
