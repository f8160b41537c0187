"""The terminal: pixels over the read model of `fleet.view`, a client of the server's API.

Reading order: `store` (what is known), `format` (how it looks), `actions` (what may be done),
`app`, then one module for each view in `screens`.  Nothing in `fleet` or `clusters` imports this.
"""
