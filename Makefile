VENV ?= .venv
PYTHON ?= python3
export PATH := $(abspath $(VENV))/bin:$(PATH)
INSTALLED := $(VENV)/.installed
# uv installs the same packages in less time, where it is there
UV := $(shell command -v uv)
PIP := $(if $(UV),uv pip install --quiet --python $(VENV)/bin/python,python -m pip install --disable-pip-version-check --quiet)

.PHONY: help repro test test-ray bench check ablation plots-page release

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'

repro: $(INSTALLED) ## the whole pipeline, from nothing to a report
	dvc repro
	@python src/headline.py

test: $(INSTALLED) ## ruff, mypy and pytest
	ruff check
	ruff format --check
	mypy
	pytest

test-ray: $(INSTALLED) ## installs Ray as well, and tests the sweep over several machines
	$(PIP) -r requirements-ray.txt
	pytest tests/sweep/test_ray_sweep.py

ablation: $(INSTALLED) ## the quick group of experiments.yaml, its table, and the report with it
# a variant that fails is reported at the end; the others still make the table
	python src/ablate.py run quick; failed=$$?; \
	python src/ablate.py table quick --partial && dvc repro && python src/headline.py && exit $$failed

release: $(INSTALLED) ## the trained model with all that belongs to it: NAME=first makes release/first; ARGS=--int8 or --no-onnx
	python src/release.py $(NAME) $(ARGS)

plots-page: $(INSTALLED) ## dvc plots without the internet: a page from npm's packages, once a clone
	python src/plots_page.py

bench: export PYTHONPATH := src
bench: $(INSTALLED) ## speed against the study's way, and how cost grows: the tables in benchmarks/README.md
	python benchmarks/parts.py
	python benchmarks/engines.py
	python benchmarks/growth.py

check: $(INSTALLED) ## the committed results are those of the committed code
	python src/check.py

$(INSTALLED): requirements.txt constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	@touch $@
