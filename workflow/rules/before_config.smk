"""What comes before the config: the library, the environment of jobs, strict YAML, recall of records."""

import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

# Jobs draw to files, whatever backend a notebook set for its own kernel.
os.environ["MPLBACKEND"] = "Agg"
# The C library keeps up to 512 MB of freed memory for the next arrays instead of returning it to the
# system, which clears it: up to a fifth of the time of training a small CNN (docs/explanation/optimisation_notes.md).
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(512 * 2**20))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))

from latentgen.config.yaml_text import read_strictly
from latentgen.errors import PipelineError
from latentgen.jobs.planning.recall import recall

# Snakemake itself takes the last of two keys of the same name, and does not say which line is no YAML.
for file in filter(os.path.exists, ["config.yaml", *workflow.overwrite_configfiles]):
    try:
        read_strictly(file)
    except PipelineError as error:
        logger.error(f"config error: {error}")
        sys.exit(1)

if workflow.is_main_process:  # jobs on a cluster read this file, too
    recall()
