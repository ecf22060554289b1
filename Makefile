# The commands of the project. Each installs what it needs into .venv, from hashed locks.

.DEFAULT_GOAL := help
.PHONY: help serve test check audit format bench bench-growth bench-large clients crash lock clean run-environment dev-environment

BIN := .venv/bin
# The tests start some hundred processes: without what Python keeps of its sources, each would compile all of them.
unexport PYTHONDONTWRITEBYTECODE

help: ## Say what the commands are
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

serve: run-environment ## Start the server on 127.0.0.1:8080, its data in ./var
	@exec $(BIN)/ripstop serve

test: check ## All checks and all tests, on SQLite and PostgreSQL; what CI runs
	$(BIN)/pytest --numprocesses 3 --dist worksteal

check: dev-environment ## Format check, lint, types, import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: dev-environment ## Ask for known weaknesses of what is installed
	@$(BIN)/python tools/audit.py

format: dev-environment ## Format the code, and mend what lint can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: dev-environment ## Measure, and write docs/operate/performance.md
	$(BIN)/python -m bench

bench-growth: dev-environment ## Measure with 1,000,000 accounts and 50,000,000 follows; takes 30 GB of disk, and hours
	$(BIN)/python -m bench --growth

bench-large: dev-environment ## Measure lists of a million: followers, posts with a hashtag
	$(BIN)/python -m bench --large

clients: dev-environment ## Try the existing clients again, and write docs/start/clients.md
	$(BIN)/python tools/clients.py

crash: dev-environment ## Kill the server 1,000 times under write load, and workers as often, and look for damage
	RIPSTOP_CRASH_KILLS=1000 $(BIN)/pytest tests/crash

lock: dev-environment ## Compile requirements/ anew from pyproject.toml
	tools/lock.sh

clean: ## Remove the environment and the caches, never ./var
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} +

run-environment:
	@tools/environment.sh run

dev-environment:
	@tools/environment.sh dev
