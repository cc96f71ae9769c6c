"""Networks: built from a row of the catalogue, read and written, run, and counted."""
