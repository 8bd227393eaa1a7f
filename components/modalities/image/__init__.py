"""Pictures as examples."""
