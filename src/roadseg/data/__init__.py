"""Data sets from every source, checked and written in one layout, and the classes that their labels mean."""
