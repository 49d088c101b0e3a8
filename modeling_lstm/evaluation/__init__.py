"""Metrics, their intervals, and significance tests."""
