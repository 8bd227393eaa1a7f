"""What would fail, before a GPU is paid for."""
