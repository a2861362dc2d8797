"""The parts that all figures are drawn with, and their style."""
