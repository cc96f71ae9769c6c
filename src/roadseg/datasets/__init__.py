"""Frames from every source, checked and written in the seg_data layout."""
