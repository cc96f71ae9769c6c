"""Frames from wherever they come, checked, in the seg_data layout."""
