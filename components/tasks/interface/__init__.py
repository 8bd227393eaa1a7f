"""What a kind of problem is, and what several kinds share."""
