# Two targets matter: `make demo` shows the main job, `make test` passes all tests.

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: demo build release test short soak faults quality servers needs bench lint fuzz shape clean

demo: ## a bad release from start to finish, with nothing to install
	$(GO) run ./cmd/autorollback-lab demo

build: ## the daemon, its helper, the lab and the example service, into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/autorollback ./cmd/autorollback-keeper ./cmd/autorollback-lab ./examples/service

release: ## archives of the daemon for Linux, SBOMs and checksums, into bin/release/; the same bytes for the same commit
	@rm -rf bin/release
	@$(GO) run ./build/release -version '$(VERSION)' -time "$$(git log -1 --format=%ct)"

short: ## the tests that need no real server and tell no story in real time, in three minutes
	$(GO) test -short ./...

test: needs ## everything, race detector on, against real servers, which are built meanwhile
	@GO=$(GO) test/all

soak: needs ## the long form of what make test shortens: an hour
	@GO=$(GO) test/all --soak

# SEEDS=500 is quicker; DURATION=10m ends the seeds then. A seed that breaks an invariant is played
# again with go test ./test/faults -run TestSeeds -seed N. See test/faults/README.md.
faults: ## three replicas of the engine under drawn faults, twelve planted bugs and more, kills of the real daemon
	$(GO) test ./test/faults -count 1 -timeout 24h -v -run 'TestSeeds|TestReplay' -seeds $(or $(SEEDS),10000) $(if $(DURATION),-duration $(DURATION)) -replays 20
	$(GO) test ./test/faults -count 1 -timeout 24h -v -run 'TestBugsApply|TestPlantedBugs' -bugs all
	$(GO) test ./test/faults -count 1 -timeout 24h -v -run TestKilled -acks 5000

# SEEDS=30 is quicker; SCENARIOS=dir takes your own scenario files, CSV=dir your own
# releases; QUALITY='-only noisy-pod -o json' takes any flag. See docs/quality.md.
quality: ## the decision-quality table: whole releases, beside Flagger's, Argo's and Kayenta's rules
	@mkdir -p bin
	@$(GO) build -o bin/quality ./test/quality/run
	@bin/quality $(if $(SEEDS),-seeds $(SEEDS)) $(if $(SCENARIOS),-scenarios $(SCENARIOS)) $(if $(CSV),-csv $(CSV)) $(QUALITY)

needs: ## what the tests need beyond Go
	@test/needs

servers: needs ## the real Consul, Prometheus, Alertmanager, Traefik and fabio, built once into a cache
	@test/servers/build

bench: servers ## benchmarks, as ratios against a baseline in the same run
	$(GO) test -run '^$$' -bench . -benchtime 2s ./actuators ./analysis ./rules ./store ./bench
	$(GO) test -run '^$$' -bench Million -benchtime 1x -timeout 30m ./shadow/...

lint:
	golangci-lint run

fuzz: ## each fuzz target for a short while
	@test/fuzz

shape: ## how large the daemon and the tree are, as a table
	@$(GO) run ./test/shape

clean:
	rm -rf bin data incidents
