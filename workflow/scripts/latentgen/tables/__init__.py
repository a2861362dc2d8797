"""The tables of a suite, one a file: what each reads, and its numbers.

Each is a function of a job's files and params that gives a `Table`. The numbers come from
`analysis`, or from `disambiguation`.
"""
