"""The one exception that is meant to be read by the person at the keyboard."""


class PipelineError(Exception):
    """Something the user can mend: shown as one line that says what and where, no traceback."""
