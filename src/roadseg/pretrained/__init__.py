"""Weights to start from: fetched, and fitted to the network."""
