# Everything runs in its own .venv with the versions of constraints.txt. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
RUNS ?= runs
INSTALLED := $(VENV)/.installed
DEVELOPING := $(VENV)/.developing
DOCUMENTING := $(VENV)/.documenting
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# tests wait for processes that they start: one worker more than cores, but at most four, with one thread each
WORKERS := --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 4 --dist worksteal

# nothing here is looked up on the Hub
OFFLINE := HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1
PARTS := recurrence training inference end_to_end scaling int8 bf16 vector_files generation processes scoring

.PHONY: help install demo test test-quick test-avx2 test-lowest coverage lint format docs bench results clean

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(DEVELOPING)  ## make .venv and install the package with what its development needs

# torch first, by its exact version: an open range may bring gigabytes of GPU packages
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $$(grep '^torch==' constraints.txt)
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(DEVELOPING): $(INSTALLED)
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(INSTALLED)  ## train, evaluate and try an LSTM, and a network that cannot see word order, on the built-in data
	$(OFFLINE) $(BIN)/modeling-lstm train recipes/order_matters.yaml --output_dir $(RUNS)/demo --overwrite
	$(OFFLINE) $(BIN)/modeling-lstm train recipes/order_matters_bag_of_words.yaml --output_dir $(RUNS)/demo-bag-of-words --overwrite
	@echo; echo "== LSTM: $(RUNS)/demo, test split =="
	@$(OFFLINE) $(BIN)/modeling-lstm evaluate $(RUNS)/demo --split test
	@echo; echo "== Bag of words: $(RUNS)/demo-bag-of-words, test split =="
	@$(OFFLINE) $(BIN)/modeling-lstm evaluate $(RUNS)/demo-bag-of-words --split test
	@echo; echo "== LSTM: four sentences =="
	@$(OFFLINE) $(BIN)/modeling-lstm predict $(RUNS)/demo "Beyond comprehension" "I rate it so-so" "Unbelievable service" \
		"I wish I could say the movie was great but I can't."

test: $(DEVELOPING) lint  ## lint, types and tests
	OMP_NUM_THREADS=1 $(OFFLINE) $(BIN)/python -m pytest $(WORKERS)

test-quick: $(DEVELOPING)  ## run the tests without the slow ones
	OMP_NUM_THREADS=1 $(OFFLINE) $(BIN)/python -m pytest $(WORKERS) -m "not slow"

test-avx2: $(DEVELOPING)  ## run the numeric tests as on a processor without AVX-512
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 OMP_NUM_THREADS=1 $(OFFLINE) $(BIN)/python -m pytest $(WORKERS) -m numeric

# torch is that of constraints.txt: its old versions are gigabytes of GPU packages
test-lowest:  ## run the tests with the lowest versions that pyproject.toml allows
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python tests/lowest_versions.py torch > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet $$(grep '^torch==' constraints.txt)
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/lowest.txt --editable '.[dev]'
	OMP_NUM_THREADS=1 $(OFFLINE) $(LOWEST)/bin/python -m pytest $(WORKERS)

coverage: $(DEVELOPING)  ## run the tests and show which lines they miss; a report in htmlcov/
	OMP_NUM_THREADS=1 $(OFFLINE) $(BIN)/python -m pytest $(WORKERS) --cov --cov-report term --cov-report html

lint: $(DEVELOPING)  ## ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEVELOPING)  ## format the code and fix lint errors
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(DOCUMENTING): $(INSTALLED)
	$(PIP) --constraint constraints.txt --editable '.[docs]'
	touch $@

docs: $(DOCUMENTING)  ## build the documentation into site/; a broken link or a warning is an error
	NO_MKDOCS_2_WARNING=1 $(OFFLINE) $(BIN)/mkdocs build --strict

bench: $(DEVELOPING)  ## measure the speed of the parts in PARTS on this machine (keep it idle; an hour); bench-PART for one
	@for part in $(PARTS); do $(MAKE) --no-print-directory bench-$$part || exit 1; done
	$(BIN)/python -m benchmarks.plots

bench-%: $(DEVELOPING)
	$(OFFLINE) $(BIN)/python -m benchmarks.$*

results: $(DEVELOPING)  ## repeat the published runs and fill the tables of README.md and docs/ (days on two cores; resumes)
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.word_vectors
	$(BIN)/python -m benchmarks.deletion runs/results/sst2/minilm/seed-1
	$(BIN)/python -m benchmarks.turns runs/results/sst2/minilm/seed-1
	$(BIN)/python -m benchmarks.tweet_eval
	$(BIN)/python -m benchmarks.emoji_character
	$(BIN)/python -m benchmarks.distillation
	$(BIN)/python -m benchmarks.distillation tweet_eval_sentiment --size distilled-small
	$(BIN)/python -m benchmarks.distillation imdb --size distilled-tiny
	$(BIN)/python -m benchmarks.front
	$(BIN)/python -m benchmarks.few_labels
	$(BIN)/python -m benchmarks.defaults
	$(BIN)/python -m benchmarks.untouched
	$(BIN)/python -m benchmarks.comparison
	$(BIN)/python -m benchmarks.language_models
	$(BIN)/python -m benchmarks.softmaxes
	$(BIN)/python -m benchmarks.pretrained
	$(BIN)/python -m benchmarks.own_text
	$(BIN)/python -m benchmarks.masked
	$(BIN)/python -m benchmarks.translation
	$(BIN)/python -m benchmarks.translation_training
	$(BIN)/python -m benchmarks.alignments runs/results/translation/luong/seed-0
	$(BIN)/python -m benchmarks.search
	$(BIN)/python -m benchmarks.tables

clean:  ## remove .venv and caches, not the runs
	rm -rf $(VENV) $(LOWEST) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov build dist site
