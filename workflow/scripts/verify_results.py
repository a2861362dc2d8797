"""List results that no longer are what the records beside them say: `make verify`."""

import sys
from pathlib import Path

import yaml

from latentgen import provenance

lines = list(provenance.verify(Path("results"), yaml.safe_load(Path("config.yaml").read_text())))
print("\n".join(lines) or "All results are what their records say.")
sys.exit(1 if lines else 0)
