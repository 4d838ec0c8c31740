"""The execution stage: runs a step and says how it ended."""
