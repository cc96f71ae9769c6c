"""Predictions on any pictures and videos, by any engine, and the files that a release exports."""
