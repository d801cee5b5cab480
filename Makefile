# Commands for Maitred. `make up` needs only Python 3.11.
PYTHON ?= python3
# MAITRED_VENV names a complete virtual environment, which is used without changes
VENV := $(or $(MAITRED_VENV),.venv)
RUN := $(VENV)/bin/python
BOOTSTRAP := $(if $(MAITRED_VENV),@:,@$(PYTHON) -I deploy/bootstrap.py $(VENV))
UV ?= $(VENV)/bin/uv
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# for the pipelines: IMAGE is a tag or digest, ENVIRONMENT an overlay of deploy/k8s
IMAGE ?= maitred
VERSION = $(shell git describe --tags --always --dirty)
COMMIT = $(shell git rev-parse HEAD)

# the tests that depend most on the database
ON_MYSQL := $(addprefix tests/,backups core migrations operations queries race tasks)

.PHONY: up install install-host install-dev migrate check test test-slow rehearse audit bench drill freeze lock clean image \
	scan preflight deploy rollback promote smoke smoke-or-rollback plan

up: install  ## run Maitred in the foreground; Ctrl-C stops it
	@exec $(RUN) -m deploy.embedded.up

install:  ## create the virtual environment from the lock
	$(BOOTSTRAP)

install-host:  ## create the virtual environment of a production machine: with MariaDB's driver, S3, traces; compiled
	$(BOOTSTRAP) mysql.txt
	$(RUN) -m compileall -q deploy models schedules tasks web workers

install-dev:  ## create the virtual environment with the dependencies of tests and checks
	@sh .ci/packages
	$(BOOTSTRAP) dev.txt
	$(BOOTSTRAP) mysql.txt || { echo "!!! no mysqlclient: the tests on MariaDB are left out" >&2; \
		[ "$(CI)" != true ]; }

migrate: install  ## run the migrations on the database of DATABASE_URL
	$(RUN) -m deploy.database

check: install-dev  ## check style, types, architecture rules and domain rules; takes a minute
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/pytest -q tests/architecture tests/rules

test: install-dev  ## run all tests except the slow ones and those of `make check`, on SQLite and Valkey and on MariaDB and Redis
	@sh .ci/packages
	@# three in parallel: tests mostly wait for a server or a worker
	$(VENV)/bin/pytest -n 3 --dist loadgroup --ignore=tests/architecture --ignore=tests/rules

test-slow: install-dev  ## run the slow tests (releases, alerts, disasters, pages), the database tests on MySQL, the rehearsal (REHEARSAL=no: without)
	@sh .ci/packages
	@sh .ci/mysql || [ "$(CI)" != true ]
	$(VENV)/bin/pytest -n 3 --dist loadgroup -m slow --ignore=tests/rehearsal
	$(VENV)/bin/pytest -s --mysql tests/mysql
	$(VENV)/bin/pytest --mysql -n 2 --dist worksteal $(ON_MYSQL)
	$(if $(filter no,$(REHEARSAL)),@echo "NOT REHEARSED: run make rehearse before a release",$(MAKE) rehearse)

rehearse: install-dev  ## as root: test docs/deploy/compose.md on a Docker engine, the image, a systemd host, make up; takes an hour
	@sh .ci/docker || [ "$(CI)" != true ]
	@sh .ci/packages rehearsal
	@sh .ci/mysql || [ "$(CI)" != true ]
	$(VENV)/bin/pytest -s -m slow tests/rehearsal

plan: install-dev  ## write docs/deployment-plan.md from the test results of this checkout
	$(RUN) -m tests.plan $(RUNS)

audit: install-dev  ## audit code, secrets, licences, SBOM, advisories, nginx; AUDIT_OFFLINE=1 without a network
	$(RUN) -m deploy.audit

bench: install-dev  ## measure the figures of docs/benchmarks.md on this machine
	$(RUN) -m tests.bench

drill: install-dev  ## destroy an installation with a million reservations under load, and restore it
	$(RUN) -m tests.drill

# placeholders: only the code is read, no server is used
freeze: export DATABASE_URL = sqlite://
freeze: export REDIS_URL = redis://localhost
freeze: export SECRET_KEY = nothing is encrypted with this key here
freeze: install-dev  ## at each release: record the interfaces that the next one must be compatible with
	$(RUN) -m tests.compatibility.surface

image:  ## build IMAGE; PUSH=1 pushes it, with provenance and a bill of materials
	@mkdir -p build
	docker buildx build --file deploy/Dockerfile --tag $(IMAGE) \
		--build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) \
		$(if $(PUSH),--push --provenance=mode=max --sbom=true --metadata-file build/image.json,--load) .

scan:  ## scan IMAGE for known vulnerabilities with a fix; exits with 1 on a severe one
	sh deploy/scan.sh $(IMAGE)

preflight:  ## check the requirements of `make deploy`; change nothing
	ASK_ONLY=1 sh deploy/k8s/release.sh $(ENVIRONMENT) $(IMAGE) $(or $(STRATEGY),rolling)

deploy:  ## deploy IMAGE to ENVIRONMENT by STRATEGY (rolling, canary, blue-green)
	sh deploy/k8s/release.sh $(ENVIRONMENT) $(IMAGE) $(or $(STRATEGY),rolling)

rollback:  ## roll back the last release in ENVIRONMENT
	sh deploy/k8s/rollback.sh $(ENVIRONMENT)

promote:  ## route all requests to a waiting blue-green or canary release in ENVIRONMENT
	sh deploy/k8s/promote.sh $(ENVIRONMENT)

smoke: install  ## smoke test: reserve a table at RESTAURANT of the installation at URL, and cancel it
	$(RUN) -m deploy.smoke $(URL) $(RESTAURANT)

smoke-or-rollback: install  ## smoke test; on failure, roll back the last release in ENVIRONMENT
	SMOKE="$(RUN) -m deploy.smoke" sh deploy/k8s/smoke.sh $(ENVIRONMENT) "$(URL)" "$(RESTAURANT)"

LOCK = $(UV) pip compile --quiet --system-certs --universal --generate-hashes --no-header --no-emit-index-url \
	--python-version 3.11 $(if $(UPGRADE),--upgrade)

lock:  ## regenerate the locks from pyproject.toml; UPGRADE=1 upgrades to the newest releases
	$(LOCK) --group build --output-file requirements/build.txt
	$(LOCK) --group pipelines --output-file requirements/pipelines.txt
	$(LOCK) pyproject.toml --extra embedded --output-file requirements/base.txt
	$(LOCK) pyproject.toml $(addprefix --extra ,mysql s3 sms flags traces) \
		--constraints requirements/base.txt --output-file requirements/mysql.txt
	$(LOCK) pyproject.toml $(addprefix --extra ,dev embedded s3 sms flags traces) \
		--constraints requirements/base.txt --output-file requirements/dev.txt

clean:  ## delete generated files; var/ (the installation's data) stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
