"""What to do on one cluster, and why not.  Pure.

`plan` makes it, from what `situation` holds; `actions` are what it is made of; `pruning`,
`containment` and `guards` hold deletions back, `adoption` what was there before us; `waves` give
the order.
"""
