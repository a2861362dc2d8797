"""The `snakemake` object of a job, for starting a script outside Snakemake."""

import os
from functools import cache
from types import SimpleNamespace
from typing import Any

from latentgen.registries import SCRIPTS

REPOSITORY = SCRIPTS.parents[1]


def mock_snakemake(rule: str, **wildcards: Any) -> Any:
    """Return the `snakemake` object that Snakemake would give to a job's script.

    With it a script runs in an editor, a debugger or a notebook, on the suite and the settings of
    config.yaml. Files that the job reads must exist. The current folder becomes the repository.

    Args:
        rule: name of the rule.
        wildcards: value of each wildcard of its output, such as `seed=1`.

    Returns:
        An object with `input`, `output`, `params`, `wildcards`, `resources`, `log`, `config` and
        `rule`. Its `log` is empty, so that `job` prints to the terminal.

    Raises:
        snakemake.exceptions.WildcardError: a wildcard is missing.
    """
    from snakemake.jobs import Job

    os.chdir(REPOSITORY)
    workflow = _workflow()
    job = Job(
        workflow.get_rule(rule),
        SimpleNamespace(workflow=workflow),
        {name: str(value) for name, value in wildcards.items()},
    )
    return SimpleNamespace(
        input=job.input,
        output=job.output,
        params=job.params,
        wildcards=job.wildcards,
        resources=SimpleNamespace(),
        log=[],
        config=workflow.config,
        rule=rule,
    )


@cache
def _workflow() -> Any:
    from snakemake.api import Workflow
    from snakemake.logging import LoggerManager, logger
    from snakemake.settings import types as settings

    workflow = Workflow(
        config_settings=settings.ConfigSettings(),
        resource_settings=settings.ResourceSettings(),
        workflow_settings=settings.WorkflowSettings(),
        logger_manager=LoggerManager(logger, settings.OutputSettings()),
        storage_settings=settings.StorageSettings(),
        dag_settings=settings.DAGSettings(),
        storage_provider_settings={},
    )
    workflow.include(str(REPOSITORY / "Snakefile"), overwrite_default_target=True)
    return workflow
