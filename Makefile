# Everything here needs Go, git and make; what starts a real node also needs
# root on a Debian-like Linux. Tools are pinned in test/tools, built once into bin/.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export CGO_ENABLED := 0
# The chart's tests run this helm.
export HELM := $(CURDIR)/bin/helm

VERSION   ?= $(shell sed -n 's/^appVersion: *//p' charts/stint/Chart.yaml)
IMAGE     ?= ghcr.io/stint-dev/stint-controller
NAMESPACE ?= stint-system
# Simulated histories of test/world; plain `go test` runs a few.
HISTORIES ?= 10000
# The seed of the first of them: always the same, so that nobody's change fails
# by chance. Look for new trouble with HISTORIES=20000 FIRST=$$RANDOM.
FIRST     ?= 1
# Cases, schedule x zone x window, in which the calendar is compared with an
# oracle that looks at every second; plain `go test` tries 1,500.
SCHEDULES ?= 20000

CLUSTER := go -C test/cluster run .
# The built-in controllers, which are compared with ours, may ask more often than
# 20 times a second: that is what the tests would wait for.
QUICKLY := --controller-manager-arg=--kube-api-qps=300 --controller-manager-arg=--kube-api-burst=600
LDFLAGS := -s -w -X main.version=$(VERSION)
# Points KUBECONFIG at the local cluster for the rest of a recipe. In two steps:
# should env fail, nothing may go to whatever cluster the user works with.
USE_CLUSTER = env="$$($(CLUSTER) env)" && eval "$$env"
# The image of one build has a name of its own, so that an upgrade rolls out
# exactly when the binary has changed.
IMAGE_TAG = dev-$$(sha256sum bin/stint-controller | cut -c1-12)

##@ Try it
.PHONY: demo
demo: install ## A cluster from nothing, the operator in it by Helm, and the samples run to their end.
	@go build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/samples/python ./test/demo/migrate
	@$(CLUSTER) load myapp/migrate:v3.2 $(CURDIR)/bin/samples/python # what db-migration asks for
	@$(USE_CLUSTER) && $(DEMO)
DEMO ?= go run ./test/demo

.PHONY: cluster-up
cluster-up: ## Build and start the local Kubernetes cluster; again: repair it.
	@$(CLUSTER) up
	@echo; echo "To use it from this shell:"; echo; $(CLUSTER) env

.PHONY: cluster-down
cluster-down: ## Stop the local cluster and leave the machine as it was.
	@$(CLUSTER) down

.PHONY: image
image: build ## Make the operator's image without Docker and serve it to the local cluster.
	@$(CLUSTER) load $(IMAGE):$(IMAGE_TAG) $(CURDIR)/bin/stint-controller

.PHONY: install
install: cluster-up image bin/helm ## Install or upgrade the operator in the local cluster with its chart.
	@$(USE_CLUSTER) && bin/helm upgrade --install stint charts/stint --namespace $(NAMESPACE) \
	  --create-namespace --set image.tag=$(IMAGE_TAG) --wait --timeout 3m

##@ Change it
.PHONY: generate
generate: bin/controller-gen bin/crd-ref-docs bin/helm ## Regenerate deepcopy, CRDs, RBAC, API reference, chart templates and config/.
	bin/controller-gen object crd:generateEmbeddedObjectMeta=true paths=./api/... output:crd:dir=config/crd/bases
	go run ./config/crd/finish config/crd/bases
	bin/crd-ref-docs --config api/v1alpha1/reference/config.yaml --source-path api/v1alpha1 --renderer markdown \
	  --templates-dir api/v1alpha1/reference/templates --output-path api/v1alpha1/reference.md --log-level ERROR
	bin/controller-gen rbac:roleName=stint-controller paths=./controllers/... paths=./cmd/... output:rbac:dir=config/rbac
	go run ./config/chart templates
	go run ./config/chart argocd
	go run ./config/chart readme
	bin/helm template stint charts/stint --namespace stint-system | go run ./config/chart manifests

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code.
	bin/golangci-lint fmt ./...
	cd test/cluster && ../../bin/golangci-lint fmt --config ../../.golangci.yml ./...
	cd test/dock && ../../bin/golangci-lint fmt --config ../../.golangci.yml ./...

.PHONY: build
build: ## Build bin/stint-controller.
	go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/stint-controller ./cmd

.PHONY: docker-build
docker-build: ## Build the image with Docker.
	docker build --build-arg VERSION=$(VERSION) --tag $(IMAGE):$(VERSION) .

##@ Check it
.PHONY: test
test: bin/helm ## All tests but e2e: unit, simulation, integration on a real API server. Needs no root.
	@set -e; trap '$(CLUSTER) down --control-plane' EXIT; trap 'exit 130' INT TERM; \
	$(CLUSTER) up --control-plane $(QUICKLY); env="$$($(CLUSTER) env --control-plane)"; eval "$$env"; \
	set -x; \
	go test ./...; \
	go -C test/cluster test ./...; \
	go -C test/dock test ./...; \
	STINT_SCHEDULES=$(SCHEDULES) go test -count=1 -v -run 'TestAgainstOracle$$' ./controllers/schedule; \
	STINT_FIRST=$(FIRST) STINT_HISTORIES=$(HISTORIES) go test -count=1 -timeout 20m -v -run 'Histories$$' ./test/world; \
	go -C test/integration test -count=1 -tags integration -timeout 20m -skip '^TestDifferential$$'

.PHONY: test-differential
test-differential: ## 152 scenarios with the built-in Job controller and with ours, each cut off after every write: seven minutes.
	@set -e; trap '$(CLUSTER) down --control-plane' EXIT; trap 'exit 130' INT TERM; \
	$(CLUSTER) up --control-plane $(QUICKLY); env="$$($(CLUSTER) env --control-plane)"; eval "$$env"; \
	set -x; go -C test/integration test -count=1 -tags integration -timeout 40m -run '^TestDifferential$$'

.PHONY: test-unit
test-unit: bin/helm ## What needs no cluster.
	go test ./...
	go -C test/cluster test ./...
	go -C test/dock test ./...

.PHONY: test-e2e
test-e2e: demo ## The demo, then what needs real nodes, real Flux and Argo CD. As root on Linux; leaves the cluster up.
	@gitops="$$($(CLUSTER) gitops)"; export STINT_GITOPS="$$gitops"; \
	$(USE_CLUSTER) && set -x && go -C test/e2e test -count=1 -tags e2e -timeout 30m # without a package it prints as it goes

.PHONY: bench
bench: build ## What BatchJobs cost, side by side with batch/v1 (half an hour; BENCH=-help for less).
	@go run ./test/bench $(BENCH)
	@go test -run '^$$' -bench 'Decide|Revision' -benchtime 5x ./controllers/batchjob/engine
	@go test -run '^$$' -bench 'Restart' -benchtime 5x ./controllers/schedule

.PHONY: lint
lint: bin/golangci-lint ## The rules of .golangci.yml, also in build-tagged tests and test/cluster.
	bin/golangci-lint run ./...
	cd test/cluster && ../../bin/golangci-lint run --config ../../.golangci.yml ./...
	cd test/dock && ../../bin/golangci-lint run --config ../../.golangci.yml ./...

.PHONY: verify
verify: generate ## Fail if anything generated is not committed, the chart is broken or go.mod untidy.
	@changed="$$(git status --porcelain)"; if [ -n "$$changed" ]; then \
	  echo "After 'make generate' the working tree differs from the commit:"; echo "$$changed"; \
	  git --no-pager diff --stat; exit 1; fi
	bin/helm lint --strict charts/stint
	go test -count=1 ./config/...
	go vet ./...
	go vet -tags integration,e2e ./...
	go mod verify
	go mod tidy -diff
	go -C test/cluster mod tidy -diff
	go -C test/dock mod tidy -diff

##@ Help
.PHONY: help
help: ## This text.
	@awk 'BEGIN {FS = ":.*## "; print "make <target>"} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: VERSION=%s IMAGE=%s NAMESPACE=%s HISTORIES=%s\n' '$(VERSION)' '$(IMAGE)' '$(NAMESPACE)' '$(HISTORIES)'

# Each tool has a module of its own, or one would drag another to versions of
# its dependencies that its authors never tested.
TOOL_LDFLAGS = -s -w
HELM_PKG     := helm.sh/helm/v3
# Without this helm takes itself for one of Kubernetes 1.20 and refuses charts.
bin/helm: TOOL_LDFLAGS += -X $(HELM_PKG)/internal/version.version=v3.22.0 \
  -X $(HELM_PKG)/pkg/chartutil.k8sVersionMajor=1 -X $(HELM_PKG)/pkg/chartutil.k8sVersionMinor=36 \
  -X $(HELM_PKG)/pkg/lint/rules.k8sVersionMajor=1 -X $(HELM_PKG)/pkg/lint/rules.k8sVersionMinor=36
bin/%: test/tools/%/go.mod test/tools/%/go.sum
	go -C test/tools/$* build -trimpath -buildvcs=false -ldflags '$(TOOL_LDFLAGS)' -o $(CURDIR)/$@ tool
	@touch $@
