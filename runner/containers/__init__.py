"""Docker and Podman: the only room that knows the SDK."""
