# make demo           install, and run the main job on the embedded clips
# make test           install what tests need, and pass
# make test-backends  the same for JAX and PyTorch, the layers and losses only
# make parity         compare attention, beam search and losses with TensorFlow Addons
# make format         put the code in order
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
PIP = $(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt
RUN = .venv/bin/python
INSTALL_INPUTS = setup.cfg pyproject.toml constraints.txt

# Less of TensorFlow's log on the screen.
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test test-backends test-jax test-torch parity coverage format clean

demo: .venv/installed
	$(RUN) assignments/trigger_word.py demo

test: .venv/installed-test
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m pytest --numprocesses=2 --dist=loadfile

test-backends: test-jax test-torch

# The tests compile much and compute little.
test-jax: export XLA_FLAGS = --xla_backend_optimization_level=0

test-jax test-torch: test-%: .venv/installed-backends
	KERAS_BACKEND=$* $(RUN) -m pytest tests -m backends --numprocesses=2 --dist=loadfile

parity: .venv-parity/installed .venv/installed
	$(RUN) tests/parity/compare.py --python .venv-parity/bin/python

coverage: .venv/installed-test
	$(RUN) -m pytest --cov --cov-report=term

format: .venv/installed-test
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:
	rm -rf .venv .venv-parity build dist dlai_keras.egg-info .pytest_cache .ruff_cache .hypothesis

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || \
	  { echo "error: Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is another or none. Try: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "error: $(PYTHON) cannot make environments; its venv or ensurepip module is missing." >&2; exit 2; }

# The stamps make a second run quick; what is installed is pinned by constraints.txt.
.venv/installed: $(INSTALL_INPUTS) | .venv/bin/pip
	$(PIP) -e .
	@touch $@

.venv/installed-test: $(INSTALL_INPUTS) | .venv/bin/pip
	$(PIP) -e '.[test]'
	@touch $@ .venv/installed

.venv/installed-backends: .venv/installed-test
	$(PIP) -e '.[test,backends]'
	@touch $@

# TensorFlow Addons runs on older Pythons only, in an environment of its own.
.venv-parity/bin/pip:
	@for python in "$(PYTHON)" python3.11 python3.10 python3.9; do \
	  if $$python -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then \
	    $$python -m venv .venv-parity && exit; \
	    rm -rf .venv-parity; echo "error: $$python cannot make environments; its venv or ensurepip module is missing." >&2; exit 2; \
	  fi; \
	done; \
	echo "error: TensorFlow Addons needs Python 3.9, 3.10 or 3.11, and none is here. Try: make parity PYTHON=/path/to/python3.11" >&2; exit 2

.venv-parity/installed: requirements-parity.txt | .venv-parity/bin/pip
	.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-parity.txt
	@touch $@
