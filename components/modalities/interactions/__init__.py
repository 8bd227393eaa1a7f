"""What users took: histories of items."""
