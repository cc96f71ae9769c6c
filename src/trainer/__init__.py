"""One training: the frames it takes, what it consists of, what it leaves of its epochs."""
