"""One full Kubernetes API in this process: for the demo, for tests, for a desk without a cluster."""
