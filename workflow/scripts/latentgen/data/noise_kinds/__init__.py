"""Kinds of label noise, one per file; config.yaml names them in `noise.kind`.

Each is a function `(true, level, classes, random)` that returns the observed labels. It draws twice
from one generator: which samples are corrupted, then their new labels. Samples that are corrupted
at one level are therefore corrupted at every higher one (to the same label, except for
`permutation`), and runs at different levels can be compared in pairs.
"""
