# make repro   the whole pipeline, from nothing to a report
# make test    ruff, mypy and pytest
# make check   the committed results are those of the committed code

VENV ?= .venv
PYTHON ?= python3
export PATH := $(abspath $(VENV))/bin:$(PATH)
INSTALLED := $(VENV)/.installed

.PHONY: repro test check

repro: $(INSTALLED)
	dvc repro
	@python src/headline.py

test: $(INSTALLED)
	ruff check
	ruff format --check
	mypy
	pytest

check: $(INSTALLED)
	python src/check.py

$(INSTALLED): requirements.txt constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	@touch $@
