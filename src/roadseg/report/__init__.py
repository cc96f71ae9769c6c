"""What a run came to, in words, tables, pictures and pages."""
