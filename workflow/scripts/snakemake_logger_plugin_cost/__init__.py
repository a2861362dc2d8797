"""A way to see a dry run: `snakemake --dry-run --logger cost` prints what the plan will cost."""

import sys
from logging import WARNING, LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from latentgen.jobs.planning.cost import PlannedJob, as_text, forecast, gpus_of


class LogHandler(LogHandlerBase):
    """Collects the jobs that Snakemake announces, and prints a table instead of them."""

    def __post_init__(self) -> None:
        """Start without jobs."""
        self.jobs: list[PlannedJob] = []
        self.failed = False

    def emit(self, record: LogRecord) -> None:
        """Collect a job; print a warning or an error."""
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            if record.__dict__["benchmark"]:
                self.jobs.append(_planned_job(record.__dict__))
        elif record.levelno >= WARNING:
            self.failed = True
            print(self.format(record), file=sys.stderr)

    def close(self) -> None:
        """Print the table, once."""
        if not self.failed:
            print(as_text(forecast(self.jobs)))
            self.failed = True
        super().close()

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = False
    needs_rulegraph = False


def _planned_job(job: dict[str, Any]) -> PlannedJob:
    resources = dict(job["resources"].items())
    return PlannedJob(
        rule=job["rule_name"],
        benchmark=job["benchmark"],
        gpus=gpus_of(resources),
        minutes=float(resources.get("runtime", 0)),
        disk_mb=float(resources.get("disk_mb", 0)),
    )
