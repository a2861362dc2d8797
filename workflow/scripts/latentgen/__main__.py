"""`python -m latentgen` is the command `latentgen`."""

from latentgen.command_line import app

app(prog_name="latentgen")
