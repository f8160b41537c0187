"""Staged rollouts as pure functions: one release, carried safely across the fleet.

Reading order: `model` (what is fixed when a rollout is planned), `state` and `progress` (what
changes while it runs), `events` and `requests` (facts), `decisions` and `waiting` (answers), then
`planner`, which ties them together and says how a coordinator drives it.  Nothing here does I/O or
reads a clock.

* before: `planning`, `checking`, `joining` make plans; `supersede` says which release travels
* folding: `evolve_*`, one module a subject; `folding` and `tally` keep the counts right
* deciding: `stages`, `admission`, `gates`, `timers`, `latecomers`, `pruning`, `rollback`, over one
  `turn`
* around: `facts`, `surroundings`, `guards`, `windows`, `cron`, `expressions`
* people: `commands` checks what they ask; `report`, `failures` and `narrative` say what goes on
* records: `record`, `codec`, `history`
* trying out: `simulate`, `simulate_report`
"""
