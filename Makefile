# `make help` lists the targets.

GO      ?= go
FUZZTIME ?= 60s
SYSTEMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# The version comes from the checkout by way of the build info. Where there is
# no checkout that git can read, asking for it would fail the build.
BUILDVCS := $(shell git rev-parse --is-inside-work-tree >/dev/null 2>&1 && echo true || echo false)

.DEFAULT_GOAL := help
.PHONY: help build page test lint vet cross fuzz bench screenshots demo notices openapi clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: page ## bin/lanyard, one static binary with the page in it
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=$(BUILDVCS) -o bin/ ./cmd/lanyard

page: web/dist/index.html ## the page alone, which the binary takes in

PAGE := $(shell find web/src web/public -type f ! -name schema.d.ts 2>/dev/null) $(wildcard web/*.ts web/*.js web/index.html)
web/dist/index.html: web/node_modules/.package-lock.json internal/web/openapi.json $(PAGE)
	cd web && npm run build

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

# One package after the other: many tests bound a time or a rate, and would take
# the processors from each other.
test: build ## every test, Go's under the race detector; installs what they need
	scripts/deps.sh test
	$(GO) vet ./...
	CGO_ENABLED=1 $(GO) test -race -p 1 -timeout 30m ./...
	cd web && npm test && npm run e2e

lint: vet web/node_modules/.package-lock.json ## formatting, types, staticcheck, vet on every system, known vulnerabilities, scripts
	scripts/deps.sh lint
	scripts/lint.sh
	cd web && npm run check

vet: ## go vet on every system that lanyard is built for
	@set -e; for s in $(SYSTEMS); do echo "vet $$s"; \
		CGO_ENABLED=0 GOOS=$${s%/*} GOARCH=$${s#*/} $(GO) vet ./...; done

cross: vet ## build and vet for every system, without cgo
	@set -e; for s in $(SYSTEMS); do echo "build $$s"; \
		CGO_ENABLED=0 GOOS=$${s%/*} GOARCH=$${s#*/} $(GO) build -buildvcs=false ./...; done

fuzz: ## every fuzz target, FUZZTIME (60s) each
	scripts/fuzz.sh $(FUZZTIME)

bench: build ## benchmarks, then lanyard beside its peers into docs/performance.md
	scripts/deps.sh bench
	$(GO) test -run='^$$' -bench=. ./...
	$(GO) run ./bench $(BENCHFLAGS)

screenshots: build ## every view of the page, phone and desktop, light and dark, into web/screenshots
	scripts/deps.sh test
	cd web && npm run screenshots

demo: build ## send a real file between two processes and measure the gain
	scripts/deps.sh demo
	$(GO) run ./demo $(DEMOFLAGS)

notices: ## write THIRD_PARTY_NOTICES anew after a dependency changed
	$(GO) test ./internal -run TestNotices -update

openapi: ## write internal/web/openapi.json anew after the API changed
	$(GO) test ./internal/web -run TestOpenAPI -update

clean: ## remove what was built
	rm -rf bin web/node_modules web/dist/*
