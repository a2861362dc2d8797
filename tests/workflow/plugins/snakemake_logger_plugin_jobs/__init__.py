"""A Snakemake logger plugin that lists jobs as JSON, so that tests need not read messages."""

import json
import os
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """Appends rule, wildcards and outputs of every job to the file that JOBS_FILE names."""

    def emit(self, record: LogRecord) -> None:
        """Write a line for a record that announces a job."""
        if getattr(record, "event", None) != LogEvent.JOB_INFO:
            return
        job = {"rule": record.rule_name, "wildcards": record.wildcards, "output": record.output}
        with Path(os.environ["JOBS_FILE"]).open("a") as file:
            print(json.dumps(job), file=file)

    writes_to_stream = False
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False
