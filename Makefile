# gatehouse: what a developer and an operator call. Everything works on Debian with Go, git and apt.

GOTESTSUM   := gotest.tools/gotestsum@v1.13.0
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.1.4
GOSEC       := github.com/securego/gosec/v2/cmd/gosec@v2.22.4
HELM        := helm.sh/helm/v3/cmd/helm@v3.19.5
KUBECONFORM := github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0
KUBERNETES  := 1.34.2
FUZZTIME    := 30s
# For what runs here when the binary is built for elsewhere.
HOSTGO      := GOOS= GOARCH= go
RELEASE     := $(shell git describe --tags --always --dirty 2>/dev/null)

export GOFLAGS := -buildvcs=false
export PATH    := $(PATH):/usr/sbin

.PHONY: build
build: ## the binary, static, in bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.release=$(RELEASE)" -o bin/gatehouse .

.PHONY: sbom
sbom: build ## what is in the binary, as CycloneDX, in bin/
	@$(HOSTGO) run ./scripts/sbom -version "$(RELEASE)" bin/gatehouse >bin/gatehouse.cdx.json

.PHONY: deb
deb: sbom ## a Debian package, in bin/
	@scripts/deb "$(RELEASE)"

.PHONY: release
release: sbom ## the binary, its SBOM, the Debian package and their SHA256SUMS, in bin/
	@scripts/release "$$(scripts/deb "$(RELEASE)")"

.PHONY: dependencies
dependencies: build ## docs/dependencies.txt anew: every module in the binary, with its licence
	@$(HOSTGO) run ./scripts/sbom -dependencies bin/gatehouse >bin/dependencies.txt
	@mv bin/dependencies.txt docs/dependencies.txt

.PHONY: run
run: ## gatehouse, nginx in front and a sample backend, on loopback, to try
	@scripts/run

.PHONY: test
test: need ## every test, end to end ones too, under the race detector
	go test -count=1 -timeout 10m ./password ./provider # what the race detector makes too slow to be whole
	go run $(GOTESTSUM) --format pkgname-and-test-fails -- -race -count=1 -timeout 20m ./...

.PHONY: need
need:
	@scripts/need nginx wrk htpasswd curl openssl python-jwt promtool fail2ban-regex python-seccomp systemd-analyze lintian logrotate ip man jq python3 slapd chromium node npm
	@e2e/ecflow/fetch >/dev/null || [ $$? = 3 ] # 3: cannot be had here; its tests skip and say so
	@e2e/kubernetes/fetch || [ $$? = 3 ] # likewise
	@e2e/oidc/fetch || [ $$? = 3 ] # likewise

.PHONY: check
check: scan ## what scan does, then the tests
	@$(MAKE) --no-print-directory test

.PHONY: scan
scan: ## format, vet, staticcheck, known vulnerabilities, gosec; no tests
	@out=$$(go run $(GOFUMPT) -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@scripts/vulncheck $(GOVULNCHECK)
	GATEHOUSE_GOSEC=1 go test -count=1 -run TestGosecFindsNothingNew ./e2e/supply

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	@scripts/fuzz $(FUZZTIME)

.PHONY: soak
soak: need ## what takes longer than CI should: long attacks and loads, each fuzz target for a minute, the mutants
	GATEHOUSE_SOAK=1 go test -v -count=1 -p 1 -timeout 3h ./e2e/soak ./e2e/http ./e2e/faults ./e2e/load ./e2e/secrets
	@$(MAKE) --no-print-directory fuzz FUZZTIME=60s
	@$(MAKE) --no-print-directory mutants
	@$(MAKE) --no-print-directory scan

.PHONY: mutants
mutants: ## small wrong changes, one at a time: the tests must notice each; MUTANTS='-only gate.txt' for some
	go run ./scripts/mutants $(MUTANTS)

.PHONY: kubernetes
kubernetes: ## examples/kubernetes/gatehouse.yaml from the chart
	@e2e/kubernetes/fetch
	@made=$$(.cache/kubernetes/helm template gatehouse examples/helm/gatehouse --namespace gatehouse \
	  --kube-version $(KUBERNETES) --values examples/kubernetes/values.yaml) && \
	  printf '%s\n' '# Made by `make kubernetes` from examples/helm/gatehouse and values.yaml beside this.' "$$made" \
	  >examples/kubernetes/gatehouse.yaml

.PHONY: bench
bench: ## the table of docs/performance.md, measured on this machine in half an hour; BENCH=-quick to try
	@scripts/need nginx wrk caddy
	@mkdir -p bin
	go run ./bench -out bin/bench.jsonl $(BENCH)

.PHONY: help
help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/' | sort
