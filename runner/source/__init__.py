"""The source stage: resolves an address to exact bytes and lays them out for a run."""
