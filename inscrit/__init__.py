"""Inscrit: registration for paid events."""

__version__ = "0.1.0"
