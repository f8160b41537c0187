"""From what comes in to the facts that follow: pure functions, one file for each kind of input.

`commits` (Git), `observations` (reconcilers), `commands` (people).  The coordinator stores the
facts, folds them into the state, and acts on the difference.
"""
