"""Drift: from a prediction log to a report, and from any report to the drift document."""
