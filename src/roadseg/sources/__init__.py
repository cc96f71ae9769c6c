"""Frames from anywhere to predict on: pictures, folders of them, globs, lists and videos."""
