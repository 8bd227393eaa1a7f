"""Stillhouse: retrains, distills and promotes models on a schedule."""

__version__ = "0.1.0"
