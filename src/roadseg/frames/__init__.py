"""Frames as the network takes them: resized or cropped, augmented, in batches."""
