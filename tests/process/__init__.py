"""Tests of runner/process/."""
