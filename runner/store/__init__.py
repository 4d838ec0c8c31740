"""The store: records, logs, outputs and the index over them."""
