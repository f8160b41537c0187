"""Many clusters: Git, inventory, releases, rollouts, store, API and CLI.

Reading order: `model` (the words), `source` (Git to documents), `state` (facts and their fold),
`deciding` and `rollout` (what follows from what), `control` (the loop that owns the state), `api`.
"""
