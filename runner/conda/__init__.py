"""Conda environments without conda: channels, solving, packages, the lock file, the prefix."""
