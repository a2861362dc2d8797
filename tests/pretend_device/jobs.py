"""Do jobs of a workspace once more, all in this process: python jobs.py SCRIPT...

Each is a script that `snakemake --skip-script-cleanup` has left. Prints, as JSON, for each of them
how many steps of training it did on the pretend device, and at which lines these waited for it. A
job that fails ends all.
"""

import json
import runpy
import sys

import torch  # noqa: F401  (first, as it is PyTorch that loads the device)
from pretend_device import STEPS

done = {}
for script in sys.argv[1:]:
    STEPS.begin()
    runpy.run_path(script, run_name="__main__")
    done[script] = {"steps": STEPS.n, "waited_at": STEPS.waited_at() if STEPS.n else []}
print(json.dumps(done))
