"""Tests of `runner.conda`."""
