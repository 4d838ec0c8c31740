"""A project's Dockerfile: read, pinned, and built from what it sees of the project."""
