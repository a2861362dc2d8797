"""The figures, one per file: the files that each reads, its numbers, and how they are drawn.

Each is a function of a job's files and params that returns the figure and exactly the numbers drawn
in it. The numbers come from `analysis`, the parts that all figures share from `drawing`.
"""
