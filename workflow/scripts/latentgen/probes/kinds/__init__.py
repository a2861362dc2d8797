"""Kinds of probes, one per file; config.yaml names them in `probe`.

Each is a `Probe`: MASC and VeLPIC as in the papers, and well-known classifiers with the settings of
arXiv 2501.14687 as defaults.
"""
