"""The server: the one loop that owns the state, and everything that it drives.

`runtime` puts it together; `coordinator` is the loop; `intake` brings commits, `supervisor` runs
one reconciler for each cluster, `ledger` stores.
"""
