# `make demo` shows a meeting on this machine, `make test` runs the tests; both set up what they
# need first. Needed beforehand: Python 3.11 or newer, git, make.

# The first of these that is new enough; name another one with `make PYTHON=…`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --no-user --disable-pip-version-check
PO := $(wildcard protocol/locales/*/LC_MESSAGES/giliran.po)
MO := $(PO:.po=.mo)
WORKERS ?= 3
SAY := @printf '%s\n'

.DEFAULT_GOAL := help
.PHONY: help setup voice demo test lint types i18n docs clean
.DELETE_ON_ERROR:

help:
	$(SAY) 'make demo    a meeting of a hall and 14 kecamatan on this machine' \
	       'make test    all tests' \
	       'make setup   only install, into .venv' \
	       'make voice   install PESQ and STOI, which giliran rehearse --voice scores with' \
	       'make lint    style, layers;  make types   type checks' \
	       'make i18n    take new texts into the translation;  make docs   generated pages' \
	       'make clean   remove all that was made'

setup: $(STAMP) $(MO)

# pip installs exactly what uv.lock names, checked by hash, from where your pip is set up to look.
$(STAMP): pyproject.toml uv.lock protocol/locales/hatch_build.py
	@test -n '$(PYTHON)' || { echo 'Giliran needs Python 3.11 or newer, and found none: install it, or' \
	  'name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(f"Giliran needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]}" if v < (3, 11) else 0)'
	$(SAY) 'Setting up $(VENV), once; this takes a minute or two ...'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'No virtual environment could be made; on Debian and Ubuntu: apt install python3-venv' >&2; \
	  exit 1; }
	@test -x $(BIN)/uv || $(PIP) --quiet 'uv>=0.9,<1'
	@$(BIN)/uv export --frozen --quiet --all-groups --no-emit-project --no-header \
	  --output-file $(VENV)/wanted.txt
	@cmp -s $(VENV)/wanted.txt $(VENV)/there.txt || { \
	  $(PIP) --require-hashes --no-deps -r $(VENV)/wanted.txt && cp $(VENV)/wanted.txt $(VENV)/there.txt; }
	@$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $@
	$(SAY) 'Ready: $(BIN)/giliran'

# The extra `rehearse`: pesq is built from source, so a C compiler is needed.
voice: setup
	@$(BIN)/uv export --frozen --quiet --extra rehearse --no-emit-project --no-header \
	  --output-file $(VENV)/voice.txt
	@$(PIP) --require-hashes --no-deps -r $(VENV)/voice.txt

%.mo: %.po | $(STAMP)
	@$(BIN)/python -m protocol.catalogue compile

demo: setup
	@$(BIN)/giliran demo $(ARGS)

# Some tests use programs of the system, where those are installed. What measures as time goes has
# the machine to itself; the rest runs in WORKERS processes. 5 is pytest's word for none selected.
# Containers often forbid compiled files; some hundred processes would compile the same anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup
	@for tool in pdftotext:poppler-utils zbarimg:zbar-tools soffice:libreoffice-writer-nogui ip:iproute2 unshare:util-linux; do \
	  command -v $${tool%%:*} >/dev/null || \
	    echo "$${tool%%:*} is not here: its tests are skipped (apt install $${tool##*:})" >&2; \
	done
	@$(BIN)/pytest -m realtime $(ARGS); first=$$?; [ $$first != 2 ] || exit 2; \
	$(BIN)/pytest -m 'not realtime' -n $(WORKERS) --dist worksteal $(ARGS); \
	case $$first,$$? in 0,0 | 0,5 | 5,0) ;; *) exit 1 ;; esac

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: setup
	@$(BIN)/mypy

i18n: setup
	@$(BIN)/python -m protocol.catalogue update
	@$(BIN)/python -m protocol.catalogue compile

docs: setup
	@$(BIN)/python -m protocol.reference
	@$(BIN)/python -m console.pages
	@$(BIN)/python -m console.minutes.reference
	@$(BIN)/giliran screenshot docs/console.svg

clean:
	rm -rf $(VENV) $(MO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache out snapshot_report.html
	find agent console protocol tests -name __pycache__ -type d -exec rm -rf {} +
