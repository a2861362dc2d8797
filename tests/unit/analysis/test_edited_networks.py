"""Numbers about edited networks and the table of repairs, by hand."""
