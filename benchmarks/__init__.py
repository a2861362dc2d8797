"""What is fast, and by how much: ratios of two ways of doing the same work, timed in turn.

`make benchmark` measures every row of docs/reference/benchmarks.md and its figure. Plain ways are
what one would write without thinking of speed, and live beside their rows.
"""
