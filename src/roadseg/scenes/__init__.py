"""Procedural road scenes seen from a car: a picture and its labels from two numbers, without any file."""

from roadseg.scenes.scene import render_scene

__all__ = ["render_scene"]
