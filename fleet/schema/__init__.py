"""The shape of the documents of `apiVersion: flotilla.dev/v1`, one module a kind.

Each kind is a pydantic model of its `spec` that says what may be written (unknown fields refused,
nothing converted silently) and gives the value of `fleet.model` that it declares.  What a document
means together with the others is checked by `fleet.source.documents`.
"""
