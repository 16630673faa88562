# make study   set up from nothing and run the default study on embedded real data
# make test    set up from nothing and pass the quick tests
# make help    everything else
#
# TORCH=cpu (default) installs the CPU build of torch; TORCH=cuda the build with CUDA from PyPI.

PYTHON ?= python3
VENV   ?= .venv
CORES  ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
TORCH  ?= cpu

BIN     = $(VENV)/bin
PIP     = $(BIN)/pip install -q --disable-pip-version-check -c requirements/lock.txt
READY   = $(VENV)/.ready-$(TORCH)
TORCH_PIN = $(shell grep '^torch==' requirements/pins.in)
CPU_INDEX = https://download.pytorch.org/whl/cpu
DRAWN   = $(addprefix config/,all_claims.yaml diagnose.yaml search_study.yaml tuned.yaml)
PYTEST  = $(BIN)/pytest -n $(CORES) --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(TESTS)

.PHONY: help setup study test test-all lint schema readme benchmarks lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(READY)  ## build .venv from requirements/lock.txt (TORCH=cpu|cuda)

$(READY): pyproject.toml requirements/lock.txt requirements/pins.in
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	rm -f $(VENV)/.ready-*
ifeq ($(TORCH),cpu)
	$(PIP) '$(TORCH_PIN)+cpu' 2>/dev/null \
	  || $(PIP) --extra-index-url $(CPU_INDEX) '$(TORCH_PIN)+cpu' 2>/dev/null \
	  || $(PIP) '$(TORCH_PIN)'
else
	$(PIP) '$(TORCH_PIN)'
	$(BIN)/python -c "import torch; exit(torch.version.cuda is None)" \
	  || $(PIP) --force-reinstall '$(TORCH_PIN)'
endif
	$(PIP) -e '.[dev,slurm]'
	touch $@

study: setup  ## run the default study (CONFIG=overlay.yaml on top of it, SNAKEMAKE=more options)
	$(BIN)/snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG)) $(SNAKEMAKE)

test: setup lint  ## lint, type-check and run the quick tests (TESTS=more options of pytest)
	$(PYTEST) -m 'not slow'

test-all: setup lint  ## the same with whole workflows and, where it can be had, SLURM
	$(PYTEST)

lint: setup  ## formatting, types, import directions, workflow style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

schema: setup  ## regenerate config/schemas and the key reference in config/README.md
	$(BIN)/python -m mtnas schema

readme: setup  ## regenerate the numbers in README.md and docs from results/published
	$(BIN)/python -m mtnas readme

rulegraph: setup  ## draw the rules of the workflow in docs/workflow.md again
	$(BIN)/snakemake -n --rulegraph mermaid-js --configfile $(DRAWN) \
	  | $(BIN)/python -m mtnas.report.rule_graph docs/workflow.md

benchmarks:  ## measure our speed and the alternatives' (half an hour); fill docs/performance.md
	$(MAKE) setup VENV=.venv-benchmarks
	.venv-benchmarks/bin/pip install -q -c requirements/lock.txt -r benchmarks/requirements.txt
	.venv-benchmarks/bin/python -m benchmarks $(BENCHMARKS)
	.venv-benchmarks/bin/python -m mtnas readme

lock:  ## resolve requirements/lock.txt again (needs uv)
	uv pip compile pyproject.toml requirements/pins.in --extra dev --extra slurm --extra text --universal \
	  --python-version 3.11 --no-annotate --no-header -q -o requirements/lock.txt

clean:  ## remove results (not results/published, results/raw) and Snakemake's memory of them
	find results -mindepth 1 -maxdepth 1 ! -name published ! -name raw -exec rm -rf {} +
	rm -rf .snakemake
