"""Measures ours, the raw commands and mlflow side by side: `python -m tests.benchmarks`."""
