# make repro               the whole pipeline, from nothing to a report
# make test                ruff, mypy and pytest
# make trust               what docs/trust.md promises, tried: kills, bad input, full disks; up to 20 minutes
# make mutants             installs mutmut as well, and counts the changes of single operators that no test notices
# make test-ray            installs Ray as well, and tests the sweep over several machines
# make ablation            the quick group of experiments.yaml, its table, and the report with it
# make release NAME=first  the trained model with all that belongs to it, in release/first; ARGS=--int8 | --no-onnx
# make bench               speed against the study's way, and how cost grows: the tables in benchmarks/README.md
# make check               the committed results are those of the committed code

VENV ?= .venv
PYTHON ?= python3
export PATH := $(abspath $(VENV))/bin:$(PATH)
INSTALLED := $(VENV)/.installed

.PHONY: repro test trust mutants test-ray bench check ablation release

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

trust: export ROADSEG_TRUST := 1
trust: export ROADSEG_KILLS ?= 20
trust: export PYTHONPATH := tests/trust
trust: $(INSTALLED)
	pytest -p trust_table tests/trust tests/test_resume.py tests/pipeline/test_unchanged.py tests/test_threads.py

# one thread: mutmut forks, and what torch's threads hold at that moment stays locked in the copy
mutants: export OMP_NUM_THREADS := 1
mutants: $(INSTALLED)
	python -m pip install --disable-pip-version-check --quiet -r requirements-mutants.txt
	mutmut run
	mutmut results

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
