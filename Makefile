# make demo           install, and run the main job on the embedded clips
# make test           install what tests need, and pass
# make test-backends  the same for JAX and PyTorch, the layers and losses only
# make format         put the code in order
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
PIP = $(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt
RUN = .venv/bin/python
INSTALL_INPUTS = setup.cfg pyproject.toml constraints.txt

# Less of TensorFlow's log on the screen.
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test test-backends coverage format clean

demo: .venv/installed
	$(RUN) assignments/trigger_word.py demo

test: .venv/installed-test
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m pytest

test-backends: .venv/installed-backends
	KERAS_BACKEND=jax $(RUN) -m pytest tests -m backends
	KERAS_BACKEND=torch $(RUN) -m pytest tests -m backends

coverage: .venv/installed-test
	$(RUN) -m pytest --cov --cov-report=term

format: .venv/installed-test
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:
	rm -rf .venv build dist dlai_keras.egg-info .pytest_cache .ruff_cache .hypothesis

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
