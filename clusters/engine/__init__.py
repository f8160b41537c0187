"""The loop of one cluster: watch, look closer, plan, write, tell.

Start with `reconciler` (the loop), `session` (one connection), `observer` (what is there) and
`applier` (what is written).
"""
