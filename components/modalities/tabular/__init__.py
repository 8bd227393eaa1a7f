"""Rows of a table: columns of numbers, categories, dates and truth values."""
