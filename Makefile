# pitch: every target does its own set-up. `make` alone lists the targets.

GO      ?= go
BIN     := bin/pitch
SUDO    := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
STAT    := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
COUNT   ?= 6
FUZZ    ?= 20s
PICTURED := bigcluster-vs-sharding rebuild-crossover fundamental-law downtime-in-time copysets erasure cost which-input-matters

.PHONY: help build run test check lint race bench soak fuzz mutants scenarios notebooks picture clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/pitch
	$(GO) build -o $(BIN) ./cmd/pitch

run: build ## run one scenario in both worlds, compare placements, run two studies
	$(BIN) run scenarios/forced-failover.toml
	$(BIN) model table
	$(BIN) study studies/bigcluster-vs-sharding.toml studies/rebuild-crossover.toml --fresh

test: need-git need-jupyter need-nbd need-fs ## everything that must pass before a change is kept (one to five minutes)
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "not gofmt'ed: $$files"; exit 1; }
	$(GO) vet ./...
	$(GO) test -count=1 -timeout 15m ./...
	@$(MAKE) --no-print-directory race

race: ## the tests of concurrent code under the race detector
	@if command -v $${CC:-cc} >/dev/null; then $(GO) test -race -count=1 ./realnode/... ./node/... ./model/draw/ ./study/; \
	else echo "SKIPPED: the race detector needs a C compiler, and there is none"; fi

check: run test ## what CI runs

lint: ## golangci-lint with the project's configuration (builds the linter: some minutes)
	$(GO) run $(LINT) run ./...

mutants: need-git ## deliberately broken builds; each must be caught
	$(GO) test -count=1 -v ./internal/mutants/

scenarios: build ## every shipped scenario in every world
	$(BIN) run scenarios scenarios/common scenarios/mars-suite scenarios/beyond-mars

notebooks: build need-jupyter ## execute the notebooks into out/notebooks, as HTML
	$(BIN) study $(NEEDED) --out out --formats none --fresh
	PITCH_RESULTS=$(CURDIR)/out PYTHONDONTWRITEBYTECODE=1 PYDEVD_DISABLE_FILE_VALIDATION=1 \
	  jupyter-nbconvert --execute --to html --output-dir out/notebooks notebooks/*.ipynb

# The studies that the notebooks load.
NEEDED = $(sort $(shell sed -n 's|.*load(\\"\([a-z0-9-]*\)\\").*|studies/\1.toml|p' notebooks/*.ipynb))

bench: need-fio need-nbd need-fs need-rivals ## benchmarks, in the form that benchstat reads: out/bench.txt (COUNT=6)
	@mkdir -p out
	@{ echo "# $$(uname -sr), $$(nproc) cores, load $$(cut -d' ' -f1-3 /proc/loadavg), $$($(GO) version)"; \
	  $(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) -timeout 60m ./sim/... ./check/ ./scenario/ ./model/... ./study/ ./reports/ ./cmd/pitch/ ./realnode/... ./internal/bench/; \
	} | tee out/bench.txt
	@$(GO) run $(STAT) out/bench.txt | tee out/benchstat.txt

soak: build need-fs ## an hour of work: seeds 1..1000 of everything, random faults, a thousand kills, flipped bits
	$(BIN) run scenarios --world sim --seeds 1..1000
	$(BIN) run scenarios/common scenarios/mars-suite scenarios/beyond-mars --world sim --seeds 1..300
	PITCH_SOAK=1 $(GO) test -count=1 -timeout 1h ./replica/mars -run 'TestRandomLivesWithCopies|TestRandomLivesOfOrphans'
	$(BIN) run scenarios/soak/random-faults.toml --world sim --seeds 1..3000
	$(BIN) run scenarios/soak
	$(BIN) run scenarios --world local --seeds 1..10
	PITCH_SOAK=1 $(GO) test -count=1 -v -timeout 2h ./cmd/pitch/ \
	  -run 'TestKilledAgain|TestTwoHostsKilled|TestFileSystemsSurvive|TestFlippedBits|TestDamagedFiles'

fuzz: ## every fuzz target for a while (FUZZ=20s)
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
	  done; \
	done

picture: build ## draw the pictures of docs/images anew
	$(BIN) run scenarios/forced-failover.toml --world sim --out out/picture
	@mkdir -p docs/images
	cp out/picture/forced-failover-sim-7/timeline.svg docs/images/forced-failover.svg
	$(BIN) study $(addprefix studies/,$(addsuffix .toml,$(PICTURED))) --fresh --formats svg --out out/picture
	cd out/picture && \
	  cp bigcluster-vs-sharding/bigcluster-vs-sharding-downtime.svg ../../docs/images/bigcluster-vs-sharding.svg && \
	  cp rebuild-crossover/rebuild-crossover-critical-first-k-3.svg ../../docs/images/rebuild-crossover.svg && \
	  cp fundamental-law/fundamental-law-spread.svg ../../docs/images/fundamental-law.svg && \
	  cp downtime-in-time/downtime-in-time-unavailability.svg ../../docs/images/downtime-in-time.svg && \
	  cp copysets/copysets-outage.svg ../../docs/images/copysets.svg && \
	  cp erasure/erasure-groups.svg ../../docs/images/erasure.svg && \
	  cp cost/cost-euros.svg ../../docs/images/cost.svg && \
	  cp which-input-matters/which-input-matters-tornado.svg ../../docs/images/which-input-matters.svg

clean: ## remove what was built and written
	rm -rf bin out

# What a target needs beyond Go. As root (or with sudo) it is installed on Debian and the like.
.PHONY: need-git need-fio need-jupyter need-nbd need-fs need-rivals
need-git:
	@command -v git >/dev/null || $(call install,git) || \
	  { echo "git is needed to apply the mutants' patches: install it"; exit 1; }
need-fio:
	@command -v fio >/dev/null || $(call install,fio) || \
	  echo "SKIPPED: no fio here, so the local world is not compared with it"
need-nbd: # clients that nobody here wrote; nbdkit is only compared with
	@$(NBDCLIENTS) || { $(call install,$(NBDPKGS)) && $(NBDCLIENTS); } || \
	  echo "SKIPPED: not all NBD clients are here, so the server is not tried with them: install $(NBDPKGS)"
need-fs: # file systems that are mounted on volumes, and what repairs them
	@$(FSTOOLS) || { $(call install,$(FSPKGS)) && $(FSTOOLS); } || \
	  echo "SKIPPED: no ext4 and xfs here, so no file system is put on a volume: install $(FSPKGS)"
need-rivals: # only compared with
	@{ command -v rsync && command -v qemu-storage-daemon; } >/dev/null || \
	  $(call install,rsync qemu-system-common) || \
	  echo "SKIPPED: no rsync or no qemu-storage-daemon here to compare with"
need-jupyter: # with the Python that Jupyter runs on
	@$(JUPYTER) || { $(call install,$(DEBIAN)) && $(JUPYTER); } || \
	  echo "SKIPPED: no Jupyter with pandas here, so the notebooks are not executed: install $(DEBIAN)"

NBDCLIENTS = (for c in nbdinfo nbdcopy qemu-io qemu-img fio nbdkit; do command -v $$c >/dev/null || exit 1; done; \
              /usr/bin/python3 -c 'import nbd' 2>/dev/null)
NBDPKGS    = libnbd-bin python3-libnbd qemu-utils fio nbdkit
FSTOOLS    = (for c in mkfs.ext4 e2fsck mkfs.xfs xfs_repair; do command -v $$c >/dev/null || exit 1; done)
FSPKGS     = e2fsprogs xfsprogs
JUPYTER = { nb=$$(command -v jupyter-nbconvert) && python=$$(sed -n '1s/^\#! *//p' "$$nb") && \
            $$python -c 'import ipykernel, tomllib, pandas, matplotlib' 2>/dev/null; }
DEBIAN  = jupyter-nbconvert python3-ipykernel python3-pandas python3-matplotlib

install = { command -v apt-get >/dev/null && $(SUDO) apt-get update -qq && \
            $(SUDO) apt-get install -y -qq --no-install-recommends $(1) >/dev/null; }
