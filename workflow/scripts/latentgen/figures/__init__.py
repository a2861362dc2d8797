"""The figures, one a file: what each reads, which numbers these are, and how they are drawn.

Each is a function of a job's files and params that gives the figure and exactly the numbers drawn
in it. The numbers come from `analysis`, the parts that all figures share from `drawing`.
"""
