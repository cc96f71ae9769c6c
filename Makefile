# make repro               the whole pipeline, from nothing to a report
# make test                ruff, mypy and pytest
# make test-ray            installs Ray as well, and tests the sweep over several machines
# make ablation            the quick group of experiments.yaml, its table, and the report with it
# make release NAME=first  the trained model with all that belongs to it, in release/first; ARGS=--int8 | --no-onnx
# make bench               speed against the study's way, and how cost grows: the tables in benchmarks/README.md
# make check               the committed results are those of the committed code

VENV ?= .venv
PYTHON ?= python3
export PATH := $(abspath $(VENV))/bin:$(PATH)
INSTALLED := $(VENV)/.installed

.PHONY: repro test test-ray bench check ablation release

repro: $(INSTALLED)
	dvc repro
	@python src/headline.py

# a process a core, each with one thread: two with two threads each would wait for one another
test: export OMP_NUM_THREADS = 1
test: $(INSTALLED)
	ruff check
	ruff format --check
	mypy
	pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-ray: $(INSTALLED)
	python -m pip install --disable-pip-version-check --quiet -r requirements-ray.txt
	pytest tests/sweep/test_ray_sweep.py

bench: export PYTHONPATH := src
bench: $(INSTALLED)
	python benchmarks/parts.py
	python benchmarks/engines.py
	python benchmarks/growth.py

check: $(INSTALLED)
	python src/check.py

# a variant that fails is reported at the end; the others still make the table
ablation: $(INSTALLED)
	python src/ablate.py run quick; failed=$$?; \
	python src/ablate.py table quick --partial && dvc repro && python src/headline.py && exit $$failed

release: $(INSTALLED)
	python src/release.py $(NAME) $(ARGS)

$(INSTALLED): requirements.txt constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	@touch $@
