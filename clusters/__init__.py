"""Everything about ONE Kubernetes cluster: compare desired with live, act, report.

This package does not know that there is a fleet.  Reading order: `model` (the words), `plan`
(the decision), `ownership` (what drift is), `reconciler` (the loop), `client` (the wire).
"""
