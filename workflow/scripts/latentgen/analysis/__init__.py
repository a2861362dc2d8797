"""The numbers of tables and figures, from the files of runs."""
