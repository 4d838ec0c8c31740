"""The example projects, each run as a reader would run it."""
