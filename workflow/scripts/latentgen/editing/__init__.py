"""Editing networks so that they generalise better: new last layers, new labels."""
