"""One full Kubernetes API in this process: for demos, tests and desks without a cluster."""
