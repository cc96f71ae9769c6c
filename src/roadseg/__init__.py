"""Road-scene semantic segmentation: the library under the DVC stages of `src/*.py`."""
