# `make run` and `make test` set up .venv by themselves.
PYTHON ?= python3
CORES ?= all
# settings of your own: make run CONFIG=my.yaml
CONFIG ?=
VENV := .venv
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake
OPTIONS := --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))

.DEFAULT_GOAL := help
.PHONY: help setup describe run relabel report test faults fuzz check unlock

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(VENV)/ready  ## make .venv from requirements.txt

$(VENV)/ready: requirements.txt pyproject.toml src/kernel_atlas/__init__.py
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): a minute or two."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt -e .
	@touch $@

describe: $(VENV)/ready  ## what each row of the sheet will fetch and hold, before it does
	@$(SNAKEMAKE) describe --forcerun describe --quiet host progress reason rules $(OPTIONS)
	@cat results/tables/sources.txt

run: $(VENV)/ready  ## the main job: from weights to classes, tables and figures
	$(SNAKEMAKE) $(OPTIONS)

relabel: $(VENV)/ready  ## labels anew, and all that follows from them; no training
	$(SNAKEMAKE) --forcerun label_codebook $(OPTIONS)

report: $(VENV)/ready  ## run, then one HTML file with figures, tables and captions
	-$(SNAKEMAKE) $(OPTIONS)
	$(SNAKEMAKE) --report results/report.html $(if $(CONFIG),--configfile $(CONFIG))

test: $(VENV)/ready  ## all tests, two at a time
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder

faults: $(VENV)/ready  ## every fault in its full form: hours; writes docs/reliability.md
	$(BIN)/python -m pytest tests/faults --full --write-faults

fuzz: $(VENV)/ready  ## headers of .safetensors files for a minute, against the format's library
	$(BIN)/python tests/fuzz_header.py 60

check: $(VENV)/ready  ## format, lint, types, dry run
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(SNAKEMAKE) --lint
	$(SNAKEMAKE) --dry-run --forceall --quiet rules
	$(SNAKEMAKE) --workflow-profile profiles/slurm --dry-run --forceall --quiet rules

unlock: $(VENV)/ready  ## after a run that was killed: allow the next
	$(SNAKEMAKE) --unlock
