# The few commands worth a short name. Everything else is plain Snakemake.
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)

.PHONY: docs cache figures report cost verify test test-slow lint format schema lock benchmark gpu

figures: .venv/installed cache  ## run the suite that config.yaml names and draw its figures
	$(BIN)/snakemake --cores $(CORES) --quiet host reason

report: .venv/installed cache  ## everything, and one HTML page of it: results/report.html
	$(BIN)/snakemake --cores $(CORES) --quiet host reason -- all
	$(BIN)/snakemake --report results/report.html -- all

cost: .venv/installed cache  ## what would run now, and what it takes: make cost SUITE=paper TARGET=decoding
	@PYTHONPATH=workflow/scripts $(BIN)/snakemake --dry-run --logger cost \
	  $(if $(SUITE),--config suite=$(SUITE)) $(TARGET)

verify: .venv/installed cache  ## list results that no longer match their recipe
	@$(BIN)/python workflow/scripts/verify_results.py

# Without it, Snakemake ends with a traceback before it reads anything of ours.
cache:
	@mkdir -p "$(CACHE)/snakemake" 2>/dev/null && test -w "$(CACHE)/snakemake" || { \
	  echo "error: $(CACHE): found no folder that can be written to, where Snakemake keeps a cache;" \
	  "set XDG_CACHE_HOME to one that can" >&2; exit 1; }

# A thread a worker: more threads than cores wait for each other. A third worker, as some tests wait.
# Whole pipelines first, as the many short tests fill what the long ones leave (xdist would begin with
# the files of most tests).
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder \
  tests/slurm tests/workflow tests/unit

test: .venv/installed  ## the tests, but for the slow ones
	$(PYTEST) -m "not slow"

test-slow: .venv/installed  ## the slow ones: whole pipelines, killed jobs, a real SLURM
	$(PYTEST) -m slow

lint: .venv/installed  ## everything that reads the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 workflow benchmarks docs  # UTF-8 in every locale
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=workflow/scripts $(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/pytest -q tests/unit/test_vocabulary.py

docs: .venv/installed  ## build the documentation site: docs/_build/html/index.html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

format: .venv/installed  ## put code and rules in the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

schema: .venv/installed  ## renew what is generated: schema and reference of config.yaml
	PYTHONPATH=workflow/scripts $(BIN)/python -c \
	  "import json; from latentgen.config.schema import schema; print(json.dumps(schema(), indent=2))" \
	  > workflow/schemas/config.schema.json
	$(BIN)/jsonschema-markdown --no-footer --no-empty-columns workflow/schemas/config.schema.json \
	  > docs/reference/configuration_keys.md

benchmark: export PYTHONPATH = workflow/scripts
benchmark: export OMP_NUM_THREADS = 1
benchmark: .venv/installed  ## measure speed and how it grows, and renew the tables and the figure in docs
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks --growth
	$(BIN)/python -m benchmarks --suite

gpu: export PYTHONPATH = workflow/scripts
gpu: export OMP_NUM_THREADS = 1
gpu: .venv/installed cache  ## on a machine with a GPU, in nine minutes: its rows of the benchmarks, two full-size runs
	$(BIN)/python -m benchmarks.gpu_session

lock: .venv/installed  ## renew envs/requirements.txt from envs/requirements.in
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --upgrade envs/requirements.in -o envs/requirements.txt

.venv/installed: envs/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r envs/requirements.txt
	touch $@
