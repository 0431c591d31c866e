# What a person can do here. Each does its own set-up: what is missing comes from the distribution's packages.

export GOFLAGS += $(shell git status >/dev/null 2>&1 || echo -buildvcs=false)
FUZZTIME ?= 60s

.PHONY: demo build setup setup-build test race lint fuzz chaos bench golden bed bed-down compat test-clickhouse

demo: build            ## a tour with a throwaway PostgreSQL, MariaDB and OpenSSH server, left up until Ctrl-C
	@go build -o bin/demo ./internal/testenv/cmd/demo && exec bin/demo

build: setup-build     ## bin/gatefold
	go build -o bin/ ./cmd/gatefold

setup:                 ## what build and tests need beside Go
	@sh internal/testenv/setup.sh

setup-build:
	@sh internal/testenv/setup.sh gcc

test: setup            ## all tests; the last lines count those skipped
	@go run ./internal/testenv/cmd/gotest -timeout 10m ./...

test-clickhouse: setup ## the tests that need ClickHouse, with its engine (166 MB, fetched once) or the server of CLICKHOUSE_DSN
	@[ -n "$$CLICKHOUSE_DSN" ] || { sh internal/testenv/setup.sh clickhouse && CGO_ENABLED=0 go run ./internal/chengine/cmd/chengine fetch; }
	@GATEFOLD_TEST_CLICKHOUSE=1 go run ./internal/testenv/cmd/gotest -timeout 20m $$(go list ./internal/chengine/... ./internal/store/... | grep -v /store/local)
	@GATEFOLD_TEST_CLICKHOUSE=1 go run ./internal/testenv/cmd/gotest -timeout 20m -run ClickHouse ./cmd/gatefold ./benchmarks/...

race: setup            ## the same under the race detector
	@go run ./internal/testenv/cmd/gotest -race -timeout 20m ./...

lint: setup-build      ## gofmt, go vet, staticcheck
	@! gofmt -l . | grep . && go vet ./... && go tool staticcheck ./...

fuzz: setup            ## every fuzz target, FUZZTIME each
	@go run ./internal/testenv/cmd/fuzz -time $(FUZZTIME)

chaos: setup           ## a hundred kills under load, with a failing archive, full disks, clocks that jump; prints the counts
	go test ./cmd/gatefold -run '^TestChaos' -v -count=1 -timeout 40m -args -chaos.kills 100

bench: setup           ## every benchmark, with allocations; then what benchmarks/RESULTS.md has tables of
	go test -run '^$$' -bench . -benchmem ./...
	for what in archive relay mysql ssh disk soak; do echo "== $$what"; go run ./benchmarks/run $$what || exit; done

golden: setup          ## write the golden files of the tests anew
	UPDATE_GOLDEN=1 go test -count=1 ./...

bed: build             ## targets and a gateway, left up; see .bed/env
	@go run ./internal/testenv/cmd/bed up

bed-down:              ## end them
	@go run ./internal/testenv/cmd/bed down

compat: build          ## other people's software, directly and through the gateway; COMPAT=quick for a minute's worth, or names
	@sh internal/testenv/setup.sh mariadb ssh compat && go run ./internal/testenv/cmd/compat $(COMPAT)
