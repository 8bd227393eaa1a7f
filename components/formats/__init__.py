"""Data as it comes: files of tables, and what their values mean."""
