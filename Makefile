SHELL := bash
.SHELLFLAGS := -euo pipefail -c
# One setting for every build, so that what programs share compiles once, and a
# commit alone links nothing again.
export CGO_ENABLED := 0
export GOFLAGS := -buildvcs=false

STACK ?= dev

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets.
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: machine localcluster ## Start the local node and deploy the stack dev on it.
	@.local/bin/localcluster demo

# Said at once, and not after minutes of compiling.
.PHONY: machine
machine:
	@[[ $$(uname -s) == Linux && $$EUID == 0 ]] || { \
		echo "The demo's node needs Linux and root, for namespaces and mounts of its own." \
			"To use a cluster of your own, set cluster.context in a stack's config and run: pulumi up" >&2; exit 1; }

.PHONY: demo-down
demo-down: ## Stop the local nodes, or with STACK=name one; their data stays in .local.
	@if [[ -x .local/bin/localcluster ]]; then .local/bin/localcluster down; fi

# The end-to-end tests wait most of the time, each with a node of its own, so the unit tests run
# beside them with what they leave of the CPUs. Debian packages are installed before, as two cannot
# do that at once.
.PHONY: test
test: busybox ## Everything that CI runs.
	@$(MAKE) --no-print-directory -j3 test-unit test-e2e test-scale-core

.PHONY: test-unit
test-unit: lint busybox ## Formatting, vet, linters and unit tests; no node, no root.
	nice go test -timeout 45m ./...
	cd localcluster && nice go test ./...

# What runs the scripts of directorysize/ in a cluster runs them in their tests, and faults change
# system calls with strace.
debian = @[[ $$(uname -s) != Linux ]] || command -v $@ >/dev/null || { apt-get update --quiet=2 && apt-get install --quiet=2 $(1); }

.PHONY: busybox
busybox:
	$(call debian,busybox-static)

.PHONY: strace
strace:
	$(call debian,strace)

# Not with a KUBECONFIG of the environment: its cluster may be one that matters.
.PHONY: test-e2e
ifeq ($(origin KUBECONFIG),command line)
test-e2e: STACK = kind
test-e2e:
	go test -tags e2e -v -count=1 -failfast -timeout 60m ./tests/e2e -kubeconfig $(abspath $(KUBECONFIG)) -stack $(STACK)
else
test-e2e: localcluster ## The whole system on the local node; on a kind cluster with KUBECONFIG=path.
	.local/bin/localcluster up
	go test -tags e2e -v -count=1 -failfast -timeout 60m -parallel 64 ./tests/e2e
endif

.PHONY: test-remote-write
test-remote-write: localcluster ## Write to a receiver on the local node that is killed on the way, from the stack and an agent.
	.local/bin/localcluster up
	go test -tags e2e -run '^TestRemoteWrite$$' -v -count=1 -timeout 30m ./tests/e2e -left-out

.PHONY: test-basic
test-basic: localcluster ## Log in to Prometheus and Alertmanager on the local node with a user name and a password.
	.local/bin/localcluster up
	go test -tags e2e -run '^TestBasic$$' -v -count=1 -timeout 30m ./tests/e2e -left-out

.PHONY: test-backup
test-backup: localcluster ## Save samples and silences on the local node, and restore them into new pods.
	.local/bin/localcluster up
	go test -tags e2e -run '^TestBackup$$' -v -count=1 -timeout 30m ./tests/e2e -left-out

.PHONY: ipset
ipset:
	$(call debian,ipset)

.PHONY: test-network
test-network: localcluster ipset ## Have kube-router enforce the NetworkPolicies on the local node, and try every port of the stack.
	.local/bin/localcluster build kube-router
	.local/bin/localcluster up
	go test -tags e2e -run '^TestNetwork$$' -v -count=1 -timeout 30m ./tests/e2e -left-out

.PHONY: test-routes
test-routes: localcluster ## Have a gateway on the local node route the HTTPRoutes of the web UIs, and log in through it.
	.local/bin/localcluster build caddy gateway
	.local/bin/localcluster up
	go test -tags e2e -run '^TestRoutes$$' -v -count=1 -timeout 30m ./tests/e2e -left-out

.PHONY: test-tls
test-tls: localcluster ## Encrypt what programs of the local node serve, ask for client certificates, and renew the certificate.
	.local/bin/localcluster up
	go test -tags e2e -run '^TestTLS$$' -v -count=1 -timeout 30m ./tests/e2e -left-out

# A fault of a batch runs beside the others, so -parallel is not about CPUs.
.PHONY: test-faults
test-faults: localcluster strace ## Break things on the local node: FAULTS=name,name QUIET=30m RECORD=1 for the rules' tests.
	.local/bin/localcluster up
	go test -tags e2e -run '^(TestFaults|TestQuiet)$$' -v -count=1 -timeout 5h -parallel 64 ./tests/e2e \
		-faults=$(or $(FAULTS),all) -quiet=$(or $(QUIET),$(if $(FAULTS),0,30m)) $(if $(RECORD),-record)

.PHONY: test-scale test-scale-core
test-scale: localcluster ## Long-term storage on a local node: lost volumes, a lost replica, a bucket that is away or refuses the key.
	go test -tags e2e -run '^TestScale$$' -v -count=1 -timeout 90m ./tests/e2e -scale=all
test-scale-core: localcluster
	go test -tags e2e -run '^TestScale$$' -v -count=1 -timeout 60m ./tests/e2e -scale=core

.PHONY: test-login
test-login: localcluster ## Log in to Prometheus and Alertmanager on a local node, with an OpenID Connect provider of the test.
	go test -tags e2e -run '^TestLogin$$' -v -count=1 -timeout 40m ./tests/e2e -left-out

.PHONY: bench
bench: localcluster ## What a preview and an update cost, and how large the server is, on the local node.
	go test -tags e2e -run '^$$' -bench 'Up|Preview|Prometheus' -benchtime 3x -timeout 40m ./tests/e2e
	go test -tags e2e -run '^$$' -bench Ingest -benchtime 1x -timeout 40m ./tests/e2e
	go test -run '^$$' -bench . ./check

.PHONY: scale
scale: localcluster ## A server of a simulated cluster of 10, 100 and 300 nodes, beside the estimate.
	.local/bin/localcluster build prometheus
	go test -tags scale -run '^TestScale$$' -v -count=1 -timeout 60m ./tests/scale

.PHONY: test-nodes
test-nodes: localcluster ## A server and kube-state-metrics on a new local control plane with simulated nodes, and three shards: NODES=1000 SHARDS=3.
	.local/bin/localcluster build kwok prometheus kube-state-metrics
	go test -tags scale -run '^TestNodes$$' -v -count=1 -timeout 2h ./tests/scale -nodes=$(or $(NODES),1000) -shards=$(or $(SHARDS),3)

.PHONY: render
render: ## A stack's objects as YAML, secrets redacted: STACK=prod OUT=dir
	@go run ./cmd/review render $(or $(STACK),$(error set STACK, such as STACK=prod)) $(or $(OUT),$(error set OUT, the directory to write))

BASE ?= origin/main
.PHONY: diff
diff: ## What a change means to a stack, as Markdown: STACK=prod BASE=origin/main
	@go run ./cmd/review diff $(or $(STACK),$(error set STACK, such as STACK=prod)) $(BASE)

# No cluster, no engine: what a preview would stop at, in a second.
.PHONY: check
check: ## Check a stack: make check STACK=prod; METRIC=name says who uses a metric.
	@go build -o .local/bin/check ./cmd/check
	@.local/bin/check $(if $(METRIC),-metric $(METRIC)) Pulumi.$(STACK).yaml

.PHONY: images
images: ## List the images that a stack pulls, with their names in mirrors: STACK=prod
	@go build -o .local/bin/check ./cmd/check
	@.local/bin/check -images Pulumi.$(STACK).yaml

.PHONY: backup restore
backup: ## Copy samples, silences and Grafana's database of a running stack: STACK=prod TO=dir
	@go run ./cmd/backup Pulumi.$(STACK).yaml $(or $(TO),$(error set TO, the directory to write))
restore: ## Put a backup into a running stack: STACK=prod FROM=dir
	@go run ./cmd/backup -restore Pulumi.$(STACK).yaml $(or $(FROM),$(error set FROM, the directory of a backup))

PROMETHEUS ?= http://localhost:9090
# What the dashboards of one object show: one that every stack has.
VARS ?= namespace=monitoring workload_type=StatefulSet workload=prometheus pod=prometheus-0
.PHONY: pictures
pictures: ## Draw the dashboards into docs/pictures, from a Prometheus that runs the stack: PROMETHEUS=url or KUBECONFIG=path.
	@go run ./cmd/pictures $(if $(filter command line,$(origin KUBECONFIG)),-kubeconfig $(KUBECONFIG),-prometheus $(PROMETHEUS)) $(VARS:%=-var %) Pulumi.$(STACK).yaml

.PHONY: metrics
metrics: ## Write the metrics of exporters to metrics, from their sources and from the local node if it runs.
	go run ./cmd/metrics

.PHONY: fuzz
fuzz: ## A million mutations of both stacks, and what is accepted shown to promtool and amtool.
	go test ./tests/broken -run TestMutations -v -count=1 -timeout 40m -mutations=1000000 -renders=2000

.PHONY: lint
lint: .local/bin/golangci-lint .local/bin/actionlint ## Module files, formatting, vet, linters (see .golangci.yml) and workflows.
	.local/bin/actionlint
	! git grep -nE '^(<<<<<<<|>>>>>>>) ' # left of a merge
	go mod tidy -diff
	nice $(abspath $<) run ./...
	cd localcluster && go mod tidy -diff && nice $(abspath $<) run ./...

.PHONY: fmt
fmt: .local/bin/golangci-lint ## Format the code.
	$(abspath $<) fmt ./...
	cd localcluster && $(abspath $<) fmt ./...

.PHONY: docs
docs: ## Write what is generated of docs/, config/schema.json and the keys in Pulumi.yaml.
	go run ./cmd/docs

# The first build takes minutes, so every fiftieth package or download is printed.
.PHONY: localcluster
localcluster:
	@cd localcluster && go build -v -o ../.local/bin/localcluster ./cmd/localcluster 2>&1 | \
		awk '/^go: downloading|^[^ :#]+$$/ {if (++n % 50 == 0) {print "building localcluster: " n ", " $$NF; fflush()} next} {print}'

.local/bin/golangci-lint: tools/go.mod tools/go.sum
	cd tools && go build -o $(abspath $@) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.local/bin/kind: tools/kind/go.mod tools/kind/go.sum
	cd tools/kind && go build -o $(abspath $@) sigs.k8s.io/kind

# Not in tools/go.mod: it needs another version of a module than golangci-lint.
.local/bin/actionlint: tools/actionlint/go.mod tools/actionlint/go.sum
	cd tools/actionlint && go build -o $(abspath $@) github.com/rhysd/actionlint/cmd/actionlint
