"""Staged rollouts as pure functions: one release, carried safely across the fleet.

Reading order: `model` (what is fixed when a rollout is planned), `state` (what changes while it
runs), `events` (facts), `decisions` and `waiting` (answers), then `planner`, which ties them
together and says how a coordinator drives it.  Nothing here does I/O or reads a clock.
"""
