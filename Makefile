# Every target but help sets up .venv first.
PYTHON ?= python3
CORES ?= all
# settings of your own: make run CONFIG=my.yaml
CONFIG ?=
# make model MODEL=my_network
MODEL ?=
# make bench RESULTS=results measures kernels and codes of a finished run
RESULTS ?=
# make setup UNTESTED=1 tries a system or a Python that nobody has tested
UNTESTED ?=
TESTED := Linux-x86_64-Python-3.11

VENV := .venv
READY := $(VENV)/ready
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake
OPTIONS := --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))
FAILED := results/tables/failed.tsv
PYTEST := $(BIN)/python -m pytest -n 2

FOUND = $(shell uname -sm | tr ' ' -)-$(shell \
  $(PYTHON) -c 'import sys; print("Python-%d.%d" % sys.version_info[:2])')

.DEFAULT_GOAL := help
.PHONY: help setup describe run model atlas experiment retry relabel report references docs numbers bench test test-all test-slow fuzz check unlock

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(READY)  ## make .venv from requirements.txt

$(READY): requirements.txt pyproject.toml src/kernel_atlas/__init__.py
	$(if $(UNTESTED)$(filter $(TESTED),$(FOUND)),,$(error $(FOUND) is untested, $(TESTED) is tested; \
	name another Python (make setup PYTHON=python3.11) or try anyway (make setup UNTESTED=1)))
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): a minute or two."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt -e .
	@touch $@

describe: $(READY)  ## what each row of the sheet will download and contain, before a run
	@$(SNAKEMAKE) describe --forcerun describe --quiet host progress reason rules $(OPTIONS)
	@cat results/tables/sources.txt

run: $(READY)  ## the main job: from weights to classes, tables and figures
	$(SNAKEMAKE) $(OPTIONS)

model: $(READY)  ## MODEL=my_network: classes and figures of one model, no shared tables
	$(if $(MODEL),,$(error name a model of the sheet: make model MODEL=my_network))
	@# one job draws all figures of a model
	$(SNAKEMAKE) results/figures/$(MODEL)/layers.png $(OPTIONS)

atlas: $(READY)  ## run as far as results/atlas.html, the page to look around in, needs it
	$(SNAKEMAKE) results/atlas.html $(OPTIONS)

experiment: $(READY)  ## train the networks of CONFIG's experiments, then run with their weights
	$(SNAKEMAKE) train_experiments $(OPTIONS)
	@# only a new call reads the sheet of what was trained
	$(SNAKEMAKE) all experiment_results $(OPTIONS)

retry: $(READY)  ## extract the models of results/tables/failed.tsv again, then run
	@# list the failed models again first: one may have been removed from the sheet
	@[ ! -e $(FAILED) ] || $(SNAKEMAKE) $(FAILED) $(OPTIONS)
	@groups=$$(sed '1d; s|\t.*|/zarr.json|; s|^|results/kernels.zarr/|' $(FAILED) 2>/dev/null); \
	if [ "$$groups" ]; then \
	  $(SNAKEMAKE) --force $$groups $(OPTIONS) && $(SNAKEMAKE) $(OPTIONS); \
	else \
	  echo "$(FAILED) lists no model: nothing to try again."; \
	fi

relabel: $(READY)  ## new labels, and all that follows from them; no training
	$(SNAKEMAKE) --forcerun label_codebook $(OPTIONS)

report: $(READY)  ## run, then one HTML file with figures, tables and captions
	-$(SNAKEMAKE) $(OPTIONS)
	$(SNAKEMAKE) --report results/report.html $(if $(CONFIG),--configfile $(CONFIG))

references: $(READY)  ## write docs/reference/ from the schema and the specification of the tables
	$(BIN)/python docs/make_references.py

docs: $(READY)  ## the site in results/site/, with the figures of results/
	$(BIN)/python -m sphinx --fail-on-warning --quiet -c docs . results/site
	@echo "results/site/docs/index.html"

numbers: $(READY)  ## write the numbers of results/ into README.md and docs/
	$(BIN)/python docs/make_numbers.py results

bench: $(READY)  ## measure what takes time, beside other ways, into docs/performance.md
	$(BIN)/python benchmarks/bench.py $(if $(RESULTS),--results $(RESULTS))

test: $(READY)  ## unit tests, and one real run of each promise
	$(PYTEST)

test-all: test test-slow fuzz  ## the same, then test-slow and fuzz

test-slow: $(READY)  ## injected faults, SLURM where it is up, the default sheet
	$(PYTEST) -m slow --faults-table results/faults.md

fuzz: $(READY)  ## random .safetensors headers for a minute, compared with the format's library
	$(BIN)/python tests/fuzz_header.py 60

check: $(READY)  ## format, lint, imports, types, dry runs
	$(BIN)/ruff format --check --no-cache .
	$(BIN)/ruff check --no-cache .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(SNAKEMAKE) --lint
	$(SNAKEMAKE) --dry-run --forceall --quiet rules
	$(SNAKEMAKE) --workflow-profile profiles/slurm --dry-run --forceall --quiet rules
	$(SNAKEMAKE) train_experiments --configfile models/paper.yaml experiments/paper.yaml --dry-run --quiet rules

unlock: $(READY)  ## after a run that was killed: allow the next
	$(SNAKEMAKE) --unlock
