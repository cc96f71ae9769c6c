"""Files from outside: read by kind and size, known by their headers, and what a label may hold."""
