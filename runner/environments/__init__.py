"""The environment stage: describes, locks, builds or reuses what a step runs in."""
