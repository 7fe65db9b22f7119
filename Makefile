# `make setup` once, then `make demo`, `make test`. Everything goes into .venv and work_dirs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := work_dirs/demo
STAMP := $(VENV)/.setup-done
ORIGINAL := .venv-original

.PHONY: setup setup-ops demo test test-slow coverage test-page faults test-original lint docs format clean

setup: $(STAMP)

$(STAMP): tools/setup_env.sh setup.py
	PYTHON=$(PYTHON) bash tools/setup_env.sh $(VENV)
	touch $@

# Compiles mmcv's operators, for the heads of mmdet and mmseg that need them: RoIAlign, deformable convolution, ...
setup-ops: setup
	bash tools/setup_env.sh --operators $(VENV)

# The same chain as a real run, on generated data with a tiny encoder: about eight minutes on 2 busy cores.
demo: setup
	rm -rf $(DEMO)
	$(BIN)/aurora-mm make-demo-data $(DEMO)/data
	$(BIN)/aurora-mm train configs/aurora_fmc_demo.py --data-root $(DEMO)/data --work-dir $(DEMO)/train
	$(BIN)/aurora-mm test configs/aurora_fmc_demo.py $(DEMO)/train/best_score_*.pth --data-root $(DEMO)/data \
		--out-dir $(DEMO)/test --constant --submission
	$(BIN)/aurora-mm report $(DEMO)/train --results $(DEMO)/test
	@echo "The report is $(DEMO)/test/report.html; the same as text is report.md"

# As many processes as there are cores, of one thread each; more than eight would need more memory than they save time.
WORKERS ?= auto
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 8 --dist worksteal

# `make test ARGS="--ignore=tests/docs"` leaves tests out.
test: setup
	$(PYTEST) -m "not slow and not long" $(ARGS)

test-slow: setup
	$(PYTEST) -m "slow or long"

# Lines and branches that all but the slow tests run, in the processes that they start too; it fails where they are too
# few. Measuring takes 1.7 times the time of the tests, on Python 3.11.
COVERED := datasets challenge evaluation submission
coverage: setup
	$(PYTEST) -m "not slow" --cov --cov-report=json:build/coverage.json --cov-report=
	$(BIN)/python .ci/check_coverage.py build/coverage.json --lines aurora_mm=92 \
		--branches $(COVERED:%=aurora_mm/%=90)

# The page of `aurora-mm serve` in a headless Chromium, which is installed where it is not there yet (Debian, Ubuntu).
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
test-page: setup
	@command -v chromium chromedriver >/dev/null || \
		{ $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y --no-install-recommends chromium chromium-driver; }
	$(BIN)/python -m pytest -q -m browser tests/web

# Bad files by the thousand, others every time: about half an hour. `make faults SEED=7` tries the same ones again.
SEED := $(if $(SEED),$(SEED),$(shell date +%s))
faults: setup
	@echo "SEED=$(SEED)"
	$(BIN)/python -m pytest -q tests/faults -m slow --hypothesis-profile=random --hypothesis-seed=$(SEED)
	@echo "These were the cases of SEED=$(SEED)"

# The same tests on the original OpenMMLab packages (mmengine 0.10.7, mmcv 2.1.0, mmdet 3.3.0, mmsegmentation 1.2.2).
$(ORIGINAL)/.setup-done: tools/setup_env.sh setup.py
	PYTHON=$(PYTHON) bash tools/setup_env.sh $(ORIGINAL) original
	touch $@

test-original: $(ORIGINAL)/.setup-done
	$(ORIGINAL)/bin/python -m pytest -q -m "not slow and not long"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

# The documentation as a site, in build/site. A broken link or anchor, or a page that is not read, is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The site is build/site/index.html"

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(ORIGINAL) $(DEMO)
