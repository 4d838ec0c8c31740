"""What is asked of a container: flags of `docker run`, and resources, for the engine's API."""
