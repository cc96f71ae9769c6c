"""Predictions on any pictures or video: what is asked for, predicted and written."""
