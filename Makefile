# Two targets do all the set-up: `make repro` and `make test`. Each builds .venv from requirements.lock first.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
# GPU=1 adds CUDA's libraries for the pinned TensorFlow: make GPU=1 paper
GPU ?=
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
# Two processes, each with whole files of tests, in the order that tests/conftest.py puts them in; JOBS=0 has one.
# Contracts come in processes of their own: what is compiled stays in memory until a process ends.
JOBS ?= 2
PYTEST := python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(OPTIONS)

.PHONY: repro full speed real paper reference check test quick mutants lint docs lock clean
.DEFAULT_GOAL := repro

repro: $(STAMP)  ## the tour: embedded data, training, one sweep, report
	$(RUN) archbench plan --write
	$(RUN) dvc repro
	@$(RUN) archbench report --where

full: $(STAMP)  ## every architecture and study, small, on embedded data, a stage a core; no measurements of speed
	cd pipelines/full && $(RUN) archbench plan --write && $(RUN) archbench run && $(RUN) dvc repro
	@cd pipelines/full && $(RUN) archbench report --where

speed: $(STAMP)  ## the measurements of speed, and the report of `full` with their table
	cd pipelines/full && $(RUN) archbench plan --write && $(RUN) dvc repro speed/dvc.yaml
	cd pipelines/full && $(RUN) dvc repro --single-item --force report
	@cd pipelines/full && $(RUN) archbench report --where

real: $(STAMP)  ## real data that two cores train on; downloads them, or set ARCHBENCH_MIRROR
	cd pipelines/real && $(RUN) archbench plan --write && $(RUN) archbench run && $(RUN) dvc repro
	@cd pipelines/real && $(RUN) archbench report --where

paper: $(STAMP)  ## the papers' sizes on real data; needs a GPU
	cd pipelines/paper && $(RUN) archbench plan --write && $(RUN) dvc repro
	@cd pipelines/paper && $(RUN) archbench report --where

reference: $(STAMP)  ## the reports that are here as those to be committed: make reference IN=pipelines/full
	cd $(or $(IN),.) && $(RUN) archbench report --reference

# Of what is trained nothing may fall short. Where all is trained, all must be judged too (2: something is not).
PARTLY_TRAINED := real
check: $(STAMP)  ## whether the committed reports reach what is expected of them
	@set -e; for table in $(wildcard reports/reference/*/tables/expectations.csv); do \
	  $(RUN) archbench check --tables $$(dirname $$table) || \
	    test $$? = 2 -a $$table = reports/reference/$(PARTLY_TRAINED)/tables/expectations.csv; done

test: $(STAMP) check  ## lint, what is expected of the committed reports, and every test
	$(RUN) ruff check .
	$(RUN) $(PYTEST) tests/contracts
	$(RUN) $(PYTEST) tests/unit tests/story --durations=15

quick: $(STAMP)  ## the tests that take seconds
	$(RUN) $(PYTEST) -m "not slow"

mutants: $(STAMP)  ## whether the tests notice faults put into the code: make mutants AREA=networks
	PYTHONPATH=tests $(RUN) python -m mutants.run $(AREA)

docs: $(STAMP)  ## the pages that are written from the models and the commands
	$(RUN) python -m archbench.cli.manual

lock: $(STAMP)  ## renew requirements.lock from pyproject.toml
	$(RUN) uv pip compile pyproject.toml --extra dev --extra jax --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "archbench needs Python 3.11 to 3.13; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 2; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python's venv is missing. On Debian and Ubuntu: apt install python3-venv"; exit 2; }
	$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(if $(GPU),$(VENV)/bin/python -m pip install --quiet "$$(grep -o '^tensorflow==[^ ;]*' requirements.lock | sed 's/==/[and-cuda]==/')" nvidia-ml-py)
	@touch $@

clean:  ## remove what training wrote, but not downloads
	rm -rf runs studies probes data/prepared
