"""Sources of datasets, one per file; config.yaml names them in `source`.

Each is a function of the other keys of the dataset's entry, and returns a `Dataset`: uint8 images
N x C x H x W and int64 labels 0..K-1, for training and for test.
"""
