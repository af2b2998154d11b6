SHELL := bash
.SHELLFLAGS := -euo pipefail -c
# One setting for every build, so that what programs share compiles once.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: localcluster ## Start the local node and deploy the stack dev on it.
	@.local/bin/localcluster demo

.PHONY: demo-down
demo-down: ## Stop the local node; its data stays in .local.
	@if [[ -x .local/bin/localcluster ]]; then .local/bin/localcluster down; fi

# The first time this compiles for minutes: every fiftieth package or download is named.
.PHONY: localcluster
localcluster:
	@cd localcluster && go build -v -o ../.local/bin/localcluster . 2>&1 | \
		awk '/^go: downloading|^[^ :#]+$$/ {if (++n % 50 == 0) {print "building localcluster: " n ", " $$NF; fflush()} next} {print}'
