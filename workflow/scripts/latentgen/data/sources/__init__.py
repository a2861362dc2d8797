"""Where datasets come from, one source a file; config.yaml names them in `source`.

Each is a function of the other keys of the dataset's entry, and gives a `Dataset`: uint8 images
N x C x H x W and int64 labels 0..K-1, for training and for test.
"""
