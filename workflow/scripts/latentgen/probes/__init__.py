"""Probes: classifiers that read class information out of a layer."""
