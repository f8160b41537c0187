"""Many clusters: Git, inventory, releases, rollouts, store, API and CLI.

Reading order: `model` (the words), `source` (Git to documents), `release` (what changes where),
`coordinator` (the one owner of state), `supervisor` (one reconciler per cluster), `runtime` (how
the parts are put together).
"""
