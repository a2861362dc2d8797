"""Kinds of label noise, one a file; config.yaml names them in `noise.kind`.

Each is a function `(true, level, classes, random)` that gives the observed labels. It draws twice
from one generator: who is corrupted, then what becomes of them. So samples that are corrupted at a
level are corrupted at every higher one (and, but for `permutation`, to the same label), and runs at
different levels compare in pairs.
"""
