"""Architectures of classifiers: one file each, with a maker of networks for images.

It is given the number of classes and its settings in config.yaml; the network maps normalised
images (n, 3, H, W) to logits (n, classes).
"""
