"""What comes before the config: the library, and that files of settings can be read in one way only."""

import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

# Jobs keep freed memory for their next arrays. By default the GNU C library returns large blocks to the
# system, which then clears every page again (docs/benchmarks.md).
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(512 * 2**20))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))

from latentgen.config.yaml_text import read_strictly
from latentgen.errors import PipelineError

# Snakemake itself takes the last of two keys of the same name, and does not say which line is no YAML.
for file in filter(os.path.exists, ["config.yaml", *workflow.overwrite_configfiles]):
    try:
        read_strictly(file)
    except PipelineError as error:
        logger.error(f"config error: {error}")
        sys.exit(1)
