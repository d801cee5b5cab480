# Everything that one does with Maitred. `make up` needs Python 3.11 and nothing else.
PYTHON ?= python3
# MAITRED_VENV names a virtual environment that holds everything already; it is left as it is
VENV := $(or $(MAITRED_VENV),.venv)
RUN := $(VENV)/bin/python
BOOTSTRAP := $(if $(MAITRED_VENV),@:,@$(PYTHON) -I deploy/bootstrap.py $(VENV))
UV ?= $(VENV)/bin/uv
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# what the pipelines put in place: IMAGE by its tag or digest, ENVIRONMENT an overlay of deploy/k8s
IMAGE ?= maitred
VERSION = $(shell git describe --tags --always --dirty)
COMMIT = $(shell git rev-parse HEAD)

# where most of what depends on the database is
ON_MYSQL := $(addprefix tests/,backups core migrations operations queries race tasks)

.PHONY: up install install-host install-dev migrate check test test-slow rehearse audit bench drill freeze lock clean image \
	scan ask deploy rollback promote smoke smoke-or-rollback plan

up: install  ## the whole house in the foreground; Ctrl-C closes it
	@exec $(RUN) -m deploy.embedded.up

install:  ## the virtual environment, as the lock says
	$(BOOTSTRAP)

install-host:  ## the same for a machine that serves guests: with MariaDB's driver, S3 and traces; compiled
	$(BOOTSTRAP) mysql.txt
	$(RUN) -m compileall -q deploy models schedules tasks web workers

install-dev:  ## the same, with what the tests and the checks need
	@sh .ci/packages
	$(BOOTSTRAP) dev.txt
	$(BOOTSTRAP) mysql.txt || { echo "!!! no mysqlclient: the tests on MariaDB are left out" >&2; \
		[ "$(CI)" != true ]; }

migrate: install  ## bring the database of DATABASE_URL up to this release
	$(RUN) -m deploy.database

check: install-dev  ## style, types, the rules of the architecture and of the trade; a minute
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/pytest -q tests/architecture tests/rules

test: install-dev  ## every test, on SQLite and Valkey and on MariaDB and Redis
	@sh .ci/packages
	@# three at once: much of a test's time is waiting for a server or a worker
	$(VENV)/bin/pytest -n 3 --dist worksteal

test-slow: install-dev  ## the slow proofs: releases in a cluster, everything of the database on MySQL, faults, the rehearsal
	@sh .ci/mysql || [ "$(CI)" != true ]
	$(VENV)/bin/pytest -n 3 --dist worksteal -m slow tests/deploy
	$(VENV)/bin/pytest -s --mysql tests/mysql
	$(VENV)/bin/pytest --mysql -n 2 --dist worksteal $(ON_MYSQL)
	$(VENV)/bin/pytest -s -m slow tests/faults
	$(MAKE) rehearse

rehearse: install-dev  ## as root: docs/deploy/compose.md on a Docker engine, the image, a host by systemd, make up; an hour
	@sh .ci/docker || [ "$(CI)" != true ]
	@sh .ci/packages rehearsal
	@sh .ci/mysql || [ "$(CI)" != true ]
	$(VENV)/bin/pytest -s -m slow tests/rehearsal

plan: install-dev  ## docs/deployment-plan.md of what the tests of this checkout have shown
	$(RUN) -m tests.plan $(RUNS)

audit: install-dev  ## code, secrets, licences, SBOM, advisories, nginx; AUDIT_OFFLINE=1 without a network
	$(RUN) -m deploy.audit

bench: install-dev  ## the figures of docs/architecture.md, on this machine
	$(RUN) -m tests.bench

drill: install-dev  ## lose a house of a million reservations under load, and bring it back
	$(RUN) -m tests.drill

# none of these is asked: only the code is looked at
freeze: export DATABASE_URL = sqlite://
freeze: export REDIS_URL = redis://localhost
freeze: export SECRET_KEY = nothing is sealed with this key here
freeze: install-dev  ## with each release: write down what the next one has to get on with
	$(RUN) -m tests.compatibility.surface

image:  ## build IMAGE here; with PUSH=1 to its registry, with provenance and a bill of materials
	@mkdir -p build
	docker buildx build --file deploy/Dockerfile --tag $(IMAGE) \
		--build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) \
		$(if $(PUSH),--push --provenance=mode=max --sbom=true --metadata-file build/image.json,--load) .

scan:  ## look IMAGE through for known weaknesses that have a remedy; ends with 1 when a grave one is found
	sh deploy/scan.sh $(IMAGE)

ask:  ## what `make deploy` would miss, without changing anything
	ASK_ONLY=1 sh deploy/k8s/release.sh $(ENVIRONMENT) $(IMAGE) $(or $(STRATEGY),rolling)

deploy:  ## put IMAGE in place in ENVIRONMENT by STRATEGY (rolling, canary, blue-green)
	sh deploy/k8s/release.sh $(ENVIRONMENT) $(IMAGE) $(or $(STRATEGY),rolling)

rollback:  ## take the last release in ENVIRONMENT back
	sh deploy/k8s/rollback.sh $(ENVIRONMENT)

promote:  ## give a blue-green or a canary in ENVIRONMENT that waits all requests
	sh deploy/k8s/promote.sh $(ENVIRONMENT)

smoke: install  ## reserve a table at RESTAURANT of the installation at URL, and cancel it
	$(RUN) -m deploy.smoke $(URL) $(RESTAURANT)

smoke-or-rollback: install  ## the same; when it fails, take the last release in ENVIRONMENT back
	SMOKE="$(RUN) -m deploy.smoke" sh deploy/k8s/smoke.sh $(ENVIRONMENT) "$(URL)" "$(RESTAURANT)"

LOCK = $(UV) pip compile --quiet --system-certs --universal --generate-hashes --no-header --no-emit-index-url \
	--python-version 3.11 $(if $(UPGRADE),--upgrade)

lock:  ## write the locks anew from pyproject.toml; UPGRADE=1 takes the newest releases
	$(LOCK) --group build --output-file requirements/build.txt
	$(LOCK) --group pipelines --output-file requirements/pipelines.txt
	$(LOCK) pyproject.toml --output-file requirements/base.txt
	$(LOCK) pyproject.toml --extra mysql --extra s3 --extra traces \
		--constraints requirements/base.txt --output-file requirements/mysql.txt
	$(LOCK) pyproject.toml --extra dev --extra s3 --extra traces \
		--constraints requirements/base.txt --output-file requirements/dev.txt

clean:  ## what can be made again; var/ (the house's own data) stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
