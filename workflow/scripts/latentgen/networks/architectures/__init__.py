"""Architectures, one per file; config.yaml names them in `architecture`.

Each is a function `(shape, n_classes, **arguments)` of an image's shape (channels, height, width)
that returns a `Network`, with PyTorch's default initialisation. Layers are named as in arXiv
2501.14687.
"""
