"""What comes before the config: the library, the environment of jobs, strict YAML, recall of records."""

import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

from latentgen.config.yaml_text import read_strictly
from latentgen.errors import PipelineError
from latentgen.jobs.around import environment
from latentgen.jobs.planning.recall import recall

environment.prepare()

# Snakemake itself takes the last of two keys of the same name, and does not say which line is no YAML.
for file in filter(os.path.exists, ["config.yaml", *workflow.overwrite_configfiles]):
    try:
        read_strictly(file)
    except PipelineError as error:
        logger.error(f"config error: {error}")
        sys.exit(1)

if workflow.is_main_process:  # jobs on a cluster read this file, too
    recall()
