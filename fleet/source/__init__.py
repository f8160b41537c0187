"""What Git says: repositories, the documents in them, and the manifests they render to."""
