"""Frames as the network takes them: resized, augmented, in batches."""
