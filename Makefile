VENV ?= .venv
PYTHON ?= python3
export PATH := $(abspath $(VENV))/bin:$(PATH)
INSTALLED := $(VENV)/.installed
PIP := python -m pip install --disable-pip-version-check --quiet
# uv, where it is there, installs the same in less time; it does not read pip's settings, so pip tries after it
INSTALL := $(if $(shell command -v uv),uv pip install --quiet --python $(VENV)/bin/python -r $$file ||) $(PIP) -r $$file

.PHONY: help repro test trust test-ray bench check ablation release

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'

repro: $(INSTALLED) ## the whole pipeline, from nothing to a report
	dvc repro
	@cat report/summary.txt

# a process a core, each with one thread: two with two threads each would wait for one another
test: export OMP_NUM_THREADS = 1
test: $(INSTALLED) ## ruff, mypy and pytest
	ruff check
	ruff format --check
	mypy
	pytest --numprocesses auto --maxprocesses 4 --dist loadfile

trust: export ROADSEG_TRUST := 1
trust: export ROADSEG_KILLS ?= 20
trust: export PYTHONPATH := tests/trust
trust: $(INSTALLED) ## what docs/trust.md promises, tried: kills, bad input, full disks; up to 20 minutes
	pytest -p trust_table tests/trust tests/test_resume.py tests/roadseg/pipeline/test_unchanged.py tests/test_threads.py

test-ray: $(INSTALLED) ## installs Ray as well, and tests the sweep over several machines
	file=requirements-ray.txt; $(INSTALL)
	pytest tests/roadseg/experiments/test_ray_sweep.py

ablation: $(INSTALLED) ## the quick group of experiments.yaml, its table, and the report with it
# a variant that fails is reported at the end; the others still make the table
	python src/ablate.py run quick; failed=$$?; \
	python src/ablate.py table quick --partial && $(MAKE) --no-print-directory repro && exit $$failed

release: $(INSTALLED) ## the trained model with all that belongs to it: NAME=first makes release/first; ARGS=--no-onnx
	python src/release.py $(NAME) $(ARGS)

bench: export PYTHONPATH := src
bench: $(INSTALLED) ## speed against the study's way, and how cost grows: the tables in benchmarks/README.md
	python benchmarks/parts.py
	python benchmarks/engines.py
	python benchmarks/growth.py

check: $(INSTALLED) ## the committed results are those of the committed code
	python src/check.py

$(INSTALLED): requirements.txt constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	file=requirements.txt; $(INSTALL)
	@touch $@
