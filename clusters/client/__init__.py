"""The wire to one Kubernetes API server: bytes in and out, no models.

`kubeconfig` turns a connection into an `Endpoint`; `transport` sends requests to it; `api` speaks
the verbs we need; `discovery` knows what the server serves; `stream` lists and watches one kind.
"""
