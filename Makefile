# make demo   install what the main job needs, and run it
# make test   install everything, and run the tests
# Both are safe to repeat and quick the second time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS_DEMO := model,score
EXTRAS_TEST := model,train,data,mcd,eval,search,serve,dev
TESTS ?=

# pip's own find-links is handed to uv, which does not read pip's settings
export UV_FIND_LINKS ?= $(strip $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null)))
export UV_COMPILE_BYTECODE := 1
# with no local wheels: the CPU build of torch where there is no GPU driver
TORCH := $(if $(UV_FIND_LINKS),,--torch-backend=auto)

DEBIAN := chromium-headless-shell bubblewrap fontconfig fonts-liberation fonts-noto-color-emoji fonts-wqy-microhei
# languages that answers are run in; without one its cases of suites/infibench_v_public are not checked
DEBIAN_TEST := gcc g++ nodejs node-typescript default-jdk-headless rustc golang-go php-cli r-base-core sqlite3

define install
@echo "installing viscodex[$(1)] into $(VENV) (once)"
@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
@test -x $(BIN)/uv || $(BIN)/python -m pip install -q uv || echo "no uv: pip does the work, more slowly"
@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install -q -p $(BIN)/python $(TORCH) -c constraints.txt -e '.[$(1)]'; \
else $(BIN)/python -m pip install -q -c constraints.txt -e '.[$(1)]'; fi
endef

# installs of what is absent among packages of Debian
define packages
@mkdir -p $(VENV)
@missing=""; for package in $(1); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
if [ -z "$$missing" ]; then :; \
elif ! command -v apt-get >/dev/null; then echo "not Debian: install by other means:$$missing"; \
elif [ "$$(id -u)" != 0 ]; then echo "not root: run  sudo apt-get install$$missing"; \
else echo "installing$$missing"; apt-get update -qq && \
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
endef

demo: $(VENV)/.demo $(VENV)/.system runtime
	$(BIN)/viscodex demo

test: $(VENV)/.test $(VENV)/.system $(VENV)/.languages runtimes
	$(BIN)/ruff check viscodex tests benchmarks examples
	$(BIN)/ruff format --check -q viscodex tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --durations=25 $(TESTS)

$(VENV)/.demo: pyproject.toml constraints.txt
	$(call install,$(EXTRAS_DEMO))
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	$(call install,$(EXTRAS_TEST))
	@touch $@ $(VENV)/.demo

# browser, isolation and fonts from the system's packages, where they are absent
$(VENV)/.system:
	$(call packages,$(DEBIAN))
	@touch $@

$(VENV)/.languages:
	$(call packages,$(DEBIAN_TEST))
	@touch $@

# the pinned environments in which generated charts run: of the demonstration, and all. They lie in
# the user's cache, so no file of $(VENV) can stand for them; where they are whole the command says
# so in half a second, without network
runtime: $(VENV)/.demo
	@$(BIN)/viscodex runtime install current

runtimes: $(VENV)/.test
	@$(BIN)/viscodex runtime install current
	@$(BIN)/viscodex runtime install chartmimic

clean:
	rm -rf $(VENV) demo

.PHONY: demo test runtime runtimes clean
