"""Numbers that tables and figures show, from the files of runs."""
