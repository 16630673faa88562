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
PIP     = $(BIN)/pip install --disable-pip-version-check -c requirements/lock.txt
READY   = $(VENV)/.ready-$(TORCH)
TORCH_PIN = $(shell grep '^torch==' requirements/pins.in)
CPU_INDEX = https://download.pytorch.org/whl/cpu
TRIED   = $(VENV)/torch.log
DRAWN   = $(addprefix config/,all_claims.yaml diagnose.yaml search_study.yaml tuned.yaml)
PYTEST  = $(BIN)/pytest -n $(CORES) --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(TESTS)

.PHONY: help setup study test test-all audit lint schema readme benchmarks first-use rulegraph lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(READY)  ## build .venv from requirements/lock.txt (TORCH=cpu|cuda)

$(READY): pyproject.toml requirements/lock.txt requirements/pins.in
	@echo "setup 1 of 3: $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/.ready-*
	@echo "setup 2 of 3: $(TORCH_PIN), the $(TORCH) build (200 MB; with CUDA 3 GB)"
ifeq ($(TORCH),cpu)
	@$(PIP) '$(TORCH_PIN)+cpu' 2>$(TRIED) \
	  || $(PIP) --retries 1 --timeout 10 --extra-index-url $(CPU_INDEX) '$(TORCH_PIN)+cpu' 2>>$(TRIED) \
	  || { cat $(TRIED); echo "setup: no CPU build of torch to be had (see above); taking the one of PyPI"; \
	       $(PIP) '$(TORCH_PIN)'; }
else
	@$(PIP) '$(TORCH_PIN)'
	@$(BIN)/python -c "import torch; exit(torch.version.cuda is None)" \
	  || $(PIP) --force-reinstall '$(TORCH_PIN)'
endif
	@echo "setup 3 of 3: mtnas and all that it needs (400 MB)"
	@$(PIP) -e '.[crate,dev,export,slurm]'
	@touch $@
	@echo "setup is done: 'make study' runs the default study, '$(BIN)/mtnas --help' tells the rest"

study: setup  ## run the default study (CONFIG=overlay.yaml on top of it, SNAKEMAKE=more options)
	$(BIN)/mtnas run $(CONFIG) --cores $(CORES) $(SNAKEMAKE)

test: setup lint  ## lint, type-check and run the quick tests (TESTS=more options of pytest)
	$(PYTEST) -m 'not slow'

test-all: setup lint audit  ## the same with whole workflows and, where it can be had, SLURM
	$(PYTEST)

OSV = https://api.osv.dev/v1/vulns/PYSEC-2023-62
audit: setup  ## ask osv.dev whether a locked package has known weaknesses; tells, and never fails
	@if $(BIN)/python -c "import requests; requests.get('$(OSV)', timeout=5)" 2>/dev/null; then \
	  test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit \
	    && .venv-audit/bin/pip install -q --disable-pip-version-check 'pip-audit>=2.7,<3'; }; \
	  .venv-audit/bin/pip-audit -s osv --disable-pip --timeout 15 -r requirements/hashes.txt \
	    || echo "audit: not clean, or not finished (above)"; \
	else echo "audit: skipped, https://api.osv.dev does not answer"; fi

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

first-use: setup  ## measure the default study in a clone and how large its .venv is, for README
	$(BIN)/python -m benchmarks.first_use

# The wheel of torch comes from elsewhere than the registry, so it has no hash, nor has what its CUDA
# build needs.
COMPILE = uv pip compile pyproject.toml requirements/pins.in --extra dev --extra crate --extra export \
  --extra slurm --universal --python-version 3.11 --no-annotate --no-header -q
UNHASHED = $(shell sed -nE 's/^(torch|triton|nvidia-[^=]+|cuda-[^=]+)==.*/--no-emit-package \1/p' \
  requirements/lock.txt)
lock:  ## resolve requirements/lock.txt and hashes.txt again (needs uv)
	$(COMPILE) --extra text -o requirements/lock.txt
	$(MAKE) requirements/hashes.txt

requirements/hashes.txt: requirements/lock.txt pyproject.toml
	$(COMPILE) -c requirements/lock.txt --generate-hashes $(UNHASHED) -o $@

clean:  ## remove results (not results/published, results/raw) and Snakemake's memory of them
	find results -mindepth 1 -maxdepth 1 ! -name published ! -name raw -exec rm -rf {} +
	rm -rf .snakemake
