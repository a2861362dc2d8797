"""Editing networks so that they answer better: other last layers, other labels."""
