"""Procedural road scenes seen from a car: a picture and its labels from two numbers, without any file."""
