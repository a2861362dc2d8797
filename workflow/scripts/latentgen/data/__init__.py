"""Datasets, and the labels that networks are trained on."""
