"""Everything about ONE Kubernetes cluster: compare desired with live, act, report.

This package does not know that there is a fleet.  Reading order: `model` (the words),
`planning.plan` (the decision), `fields.ownership` (what drift is), `engine.reconciler` (the loop),
`client` (the wire).
"""
