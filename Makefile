# Two commands on a bare machine: `make demo` and `make test`. Each installs on its first call only.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STAMP := $(VENV)/.installed
PEERS := $(patsubst benchmarks/peers/%.txt,.peers/%,$(wildcard benchmarks/peers/*.txt))

.PHONY: help demo test test-long check docs strip-picture install install-locked up down bench-stages bench-stabilize bench-kept bench-memory bench-load \
	bench-orchestrate bench-train bench-catalog bench-learn clean

help:
	@echo "make demo    three real films all the way: strips, shards, a small model, a page"
	@echo "make test    all tests but the long ones; make test-long: kills at random moments"
	@echo "make check   ruff, mypy --strict, import-linter, and the book in a strict build"
	@echo "make docs    the book: site/index.html"
	@echo "make install-locked   the exact files by their hashes, before the others; for Linux and Python 3.11"
	@echo "make up      Prefect on this machine: server, pools, deployments, a worker; make down ends it"
	@echo "make bench-orchestrate   what Prefect costs, and two workers beside one"
	@echo "make bench-stages   where the time of one video goes"
	@echo "make bench-stabilize   the stabilizer beside that of 2016 and two well-known programs"
	@echo "make bench-kept     drawn rooms with somebody in them: what is kept, held still, and what it costs"
	@echo "make bench-memory   what a worker holds during an hour of 1080p"
	@echo "make bench-load   the loader beside those of 2016, WebDataset, MDS, LitData and Hugging Face"
	@echo "make bench-train    a training step beside a plain port; data, checkpoints, memory"
	@echo "make bench-catalog  leases and books with two million videos, in SQLite and PostgreSQL"
	@echo "make bench-learn    does it learn? six small trainings, one to two hours"
	@echo "make strip-picture  the picture of a strip in the README, made anew"
	@echo "make clean   delete .venv, demo-out and site"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("tinyvideo needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[demo,dev,bench,docs]'
	@touch $@

# The exact files, each by its hash: Linux, x86-64, Python 3.11. Then `make check` and `make test` use
# them, which is for continuous integration; everybody else installs by constraints.txt.
install-locked:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement supply/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/tinyvideo demo --out demo-out

# Three processes for two cores: many tests wait for servers and programs that they have started.
# Compiled before, or each of the programs that tests start would compile us anew where the
# environment forbids writing bytecode.
test: $(STAMP)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q pipeline storage models flows tests
	$(BIN)/python -m pytest -n 3 --dist loadfile

# Kills at random moments, for minutes; more of them by `python -m tests.chaos.storage_kills` and so on.
test-long: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long

check: $(STAMP) docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Strict: a link that leads nowhere ends it; with --quiet, nothing would. Nothing is fetched.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

strip-picture: demo
	$(BIN)/python docs/made/strip_picture.py demo-out/films/bigbuckbunny.mp4 docs/strip.webp

up: $(STAMP)
	$(BIN)/tinyvideo up

down: $(STAMP)
	$(BIN)/tinyvideo down

bench-orchestrate: $(STAMP)
	$(BIN)/python -m benchmarks.orchestrate overhead
	$(BIN)/python -m benchmarks.orchestrate scaling

bench-stages: $(STAMP)
	$(BIN)/python -m benchmarks.stages

bench-stabilize: $(STAMP)
	$(BIN)/python -m benchmarks.stabilize

bench-kept: $(STAMP)
	$(BIN)/python -m benchmarks.kept
	$(BIN)/python -m benchmarks.kept --part speed

bench-memory: $(STAMP)
	$(BIN)/python -m benchmarks.memory

bench-load: $(STAMP) $(PEERS)
	$(BIN)/python -m benchmarks.load

# Exact files, nothing resolved and nothing of ours touched: peers contradict each other and ours.
.peers/%: benchmarks/peers/%.txt $(STAMP)
	rm -rf $@
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $@ --requirement $<
	@touch $@

bench-train: $(STAMP)
	$(BIN)/python -m benchmarks.train

bench-catalog: $(STAMP)
	$(BIN)/python -m benchmarks.catalog fill .bench-catalog
	$(BIN)/python -m benchmarks.catalog measure .bench-catalog
	$(BIN)/python -m benchmarks.catalog fill .bench-catalog --database postgres
	$(BIN)/python -m benchmarks.catalog measure .bench-catalog --database postgres
	rm -rf .bench-catalog

bench-learn: $(STAMP)
	$(BIN)/python -m benchmarks.learn

clean:
	rm -rf $(VENV) .peers demo-out site
