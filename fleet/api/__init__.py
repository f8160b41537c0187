"""The HTTP API: `view` types over it are the only thing clients know of the server."""
