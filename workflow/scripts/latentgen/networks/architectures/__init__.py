"""Architectures, one per file; config.yaml names them in `architecture`.

Each is a function `(shape, n_classes, **arguments)` of an image's shape (channels, height, width)
that returns a `Network`. The papers' architectures have PyTorch's default initialisation and name
layers as in arXiv 2501.14687; `torchvision` and `timm` initialise a network as the library does.
"""
