# tsrun. `make` builds build/tsrun; `make help` lists the rest.
#
# The engine, QuickJS, comes with `npm ci`; `make QUICKJS=/usr` takes the distribution's instead (Debian 13: libquickjs, quickjs).
# `make ARCH=aarch64` on x86_64, and `make ARCH=x86_64` on aarch64, build for the other machine, in build/ARCH.

MACHINE := $(patsubst arm64,aarch64,$(shell uname -m))
ARCH    := $(MACHINE)
CROSS   := $(if $(filter-out $(MACHINE),$(ARCH)),$(ARCH)-linux-gnu-)
BUILD   ?= build$(if $(CROSS),/$(ARCH))
WERROR  ?= -Werror
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/sbin
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
# The commit and its time: of the archive of sources, or of the repository.
REVISION := $(shell sed '/Format/d' packaging/revision | grep . || git -c safe.directory='*' log -1 --format='%H %ct' 2>/dev/null)
COMMIT   := $(word 1,$(REVISION))
SOURCE_DATE_EPOCH ?= $(or $(word 2,$(REVISION)),$(shell date +%s))

NODE_MODULES := node_modules/.package-lock.json
GEN          := build/gen/validate.js

ifeq ($(origin CC),default)
CC      := $(if $(CROSS),$(CROSS)gcc,cc)
endif
OBJCOPY ?= $(CROSS)objcopy
STRIP   ?= $(CROSS)strip
# What runs a program of ARCH here, while it is made.
EMULATOR ?= $(if $(CROSS),$(or $(notdir $(wildcard /usr/bin/qemu-$(ARCH)-static)),qemu-$(ARCH)))

# The C library is the compiler's: gnu or musl. What does not fit together is an error (scripts/toolchain).
LIBC    := $(shell $(CC) $(CFLAGS) -E -dM -include features.h -x c /dev/null 2>/dev/null | grep -q '__GLIBC__ ' && echo gnu || echo musl)

ifneq ($(QUICKJS),)
ENGINE_INCLUDE := $(QUICKJS)/include/quickjs
ENGINE_LIB     := $(firstword $(wildcard $(QUICKJS)/lib/$(ARCH)-linux-gnu/quickjs/libquickjs.a \
                    $(QUICKJS)/lib64/quickjs/libquickjs.a $(QUICKJS)/lib/quickjs/libquickjs.a))
QJSC           := $(QUICKJS)/bin/qjsc
ifeq ($(and $(ENGINE_LIB),$(wildcard $(ENGINE_INCLUDE)/quickjs.h),$(wildcard $(QJSC))),)
$(error no QuickJS below $(QUICKJS): Debian packages it as libquickjs and quickjs (2025.04.26 or later))
endif
else
ENGINES        := node_modules/@suchipi/quickjs/build
ENGINE         := $(ENGINES)/$(ARCH)-unknown-linux-$(LIBC)
ENGINE_INCLUDE := $(ENGINE)/include
ENGINE_LIB     := $(ENGINE)/lib/quickjs-core.a
QJSC           := $(ENGINES)/$(MACHINE)-unknown-linux-static/bin/qjsc
ENGINE_DEFINES := -DHOST_ENGINE_IS_THE_NPM_FORK
endif

# unused-parameter: the engine fixes the signature of everything that TypeScript calls.
WARNINGS   := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wno-unused-parameter $(WERROR)
HARDENING  := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fno-pie -no-pie -Wl,-z,relro,-z,now,-z,noexecstack
# Linked statically tsrun starts in half the time and runs on every Linux. STATIC= links the C library and libseccomp dynamically, for distributions.
STATIC     ?= -static
# What compiles seccomp profiles; LIBSECCOMP= builds a program that refuses them.
LIBSECCOMP ?= -lseccomp
# Where the compiler has none for the other machine, Debian's is put below SYSROOT, and with it the C library as it is for that machine: that of the
# cross compiler gets no security fixes, and Debian does not keep its sources.
ifneq ($(and $(CROSS),$(LIBSECCOMP)),)
SYSROOT    ?= $(if $(filter /%,$(shell $(CC) -print-file-name=libseccomp.a 2>/dev/null)),,build/sysroot/$(ARCH))
endif
SYSROOT_FLAGS := $(addprefix -idirafter ,$(addsuffix /usr/include,$(SYSROOT)))
SYSROOT_PACKAGES := libseccomp-dev libc6-dev
SYSROOT_LISTS := $(addprefix $(SYSROOT)/packages/,$(if $(SYSROOT),$(SYSROOT_PACKAGES)))
PLACES     := -Wl,--build-id=none,-T,host/heap.ld
LINK       := -Wl,-O1,--as-needed,--gc-sections -Wl,--hash-style=gnu $(PLACES)
HOST_FLAGS := -std=gnu11 $(WARNINGS) $(ENGINE_DEFINES) -isystem $(ENGINE_INCLUDE) $(SYSROOT_FLAGS)
SYSROOT_LIBS := $(addsuffix /usr/lib/$(ARCH)-linux-gnu,$(SYSROOT))
LIBSECCOMP_FLAGS := $(addprefix -B,$(SYSROOT_LIBS)) $(addprefix -L,$(SYSROOT_LIBS)) $(LIBSECCOMP)
LIBRARIES  := $(ENGINE_LIB) $(LIBSECCOMP_FLAGS) -lm -lpthread
SANITIZE   := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

SOURCES := $(shell find src -name '*.ts' ! -name '*.test.ts')

.PHONY: build library library-docs check format abi host-test systest clients faults test-faults fuzz differential test-guest test demo bench profile docs pages install uninstall pack dist dist-arch release-check clean help FORCE
.DELETE_ON_ERROR:
.SUFFIXES:

## build: build/tsrun, the default
build: $(BUILD)/tsrun

$(NODE_MODULES): package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

$(GEN): scripts/schemas.mjs scripts/library-types.mjs $(wildcard schemas/*.json) $(NODE_MODULES)
	node scripts/schemas.mjs --out build/gen
	node scripts/library-types.mjs --out build/gen/config-types.ts
	@touch $@

# Holds what else a build depends on, a source that went away too: it changes only when its text does.
SETTINGS = $(CC) $(CFLAGS) $(LDFLAGS) $(QJSC) $(HOST_FLAGS) $(HARDENING) $(STATIC) $(LINK) $(LIBRARIES) $(VERSION) $(COMMIT) $(words $(SOURCES)) sources
$(BUILD)/settings: FORCE | $(NODE_MODULES) $(SYSROOT_LISTS)
	@mkdir -p $(@D)
	@echo '$(SETTINGS)' | cmp -s - $@ || { $(TOOLCHAIN) && echo '$(SETTINGS)' > $@; }

TOOLCHAIN = scripts/toolchain '$(ARCH)' '$(LIBC)' '$(ENGINE_LIB)' '$(STATIC)' '$(LIBSECCOMP_FLAGS)' '$(or $(EMULATOR),native)' -- \
  $(CC) $(CFLAGS) $(SYSROOT_FLAGS)

$(SYSROOT_LISTS) &:
	scripts/foreign-packages $(if $(filter aarch64,$(ARCH)),arm64,amd64) $(SYSROOT) $(SYSROOT_PACKAGES)

# Two makes at once take turns, and whoever runs the program meanwhile finds the old one or the new one.
COMPILE = flock $(BUILD)/settings node scripts/build.mjs --qjsc $(abspath $(QJSC)) --arch $(ARCH) --version '$(VERSION)' --commit '$(COMMIT)'

$(BUILD)/obj/modules.c: $(SOURCES) $(GEN) scripts/build.mjs scripts/deferred.mjs scripts/sourcemap.mjs $(BUILD)/settings
	$(COMPILE) --out $(@D)

$(BUILD)/%.o: host/%.c host/functions.h $(BUILD)/settings $(NODE_MODULES)
	$(CC) -O2 $(HOST_FLAGS) $(HARDENING) $(CFLAGS) -c -o $@ $<

$(BUILD)/room.o: host/room.S $(BUILD)/settings
	$(CC) -c -o $@ $<

$(BUILD)/%/modules.o: $(BUILD)/%/modules.c
	$(CC) -O1 -fno-pie -c -o $@ $<

# The C functions that TypeScript finds by name.
TABLE   = $(if $(LIBSECCOMP),$(BUILD)/libseccomp.o)

# Two programs that differ in nothing but one section: one that has room for a heap, and from what it prints the one that has the heap.
PROGRAM = $(CC) $(HARDENING) $(CFLAGS) -o $@ $(filter %.o,$^) $(LINK) $(LDFLAGS) $(LIBRARIES)
TSRUN   = $(subst $(HARDENING),$(HARDENING) $(STATIC) -Wl$(comma)--fatal-warnings,$(PROGRAM))
comma  := ,
REST    = $(OBJCOPY) -O binary --remove-section=.heap

$(BUILD)/obj/maker: $(BUILD)/host.o $(TABLE) $(BUILD)/obj/modules.o $(BUILD)/room.o host/heap.ld
	$(TSRUN)

$(BUILD)/obj/elsewhere: $(BUILD)/host.o $(TABLE) $(BUILD)/obj/modules.o $(BUILD)/room.o host/heap.ld
	$(TSRUN) -Wl,--defsym=heap_place=0x51231000

# [kernel] aarch64 has kernels with pages of 4, 16 and 64 KB.
HEAP_FLAGS = $(addprefix --emulator ,$(EMULATOR)) $(if $(filter aarch64,$(ARCH)),--kernel-page 65536)

$(BUILD)/obj/heap.S: $(BUILD)/obj/maker $(BUILD)/obj/elsewhere scripts/heap.mjs scripts/layout.mjs scripts/hot.txt
	node scripts/heap.mjs $(HEAP_FLAGS) --program $< --elsewhere $(BUILD)/obj/elsewhere --out $@

$(BUILD)/obj/heap.o: $(BUILD)/obj/heap.S
	$(CC) -c -o $@ $<

# The map says what is linked in: for licences, and for the list of what is in a release.
$(BUILD)/obj/tsrun: $(BUILD)/host.o $(TABLE) $(BUILD)/obj/modules.o $(BUILD)/obj/heap.o host/heap.ld
	$(TSRUN) -Wl,-Map=$@.map

# [kernel] A file that was written in large pieces lies in large folios of the page cache, which strip's small ones do not make: a tenth of each start.
$(BUILD)/tsrun: $(BUILD)/obj/tsrun $(BUILD)/obj/maker
	$(REST) $(BUILD)/obj/maker $(BUILD)/obj/maker.rest
	$(REST) $< $<.rest
	cmp $(BUILD)/obj/maker.rest $<.rest
	$(STRIP) -o $<.stripped $<
	cp $<.stripped $@.new
	@mv $@.new $@

# ---- what of the heap changes: each small block on a page of its own tells

$(BUILD)/profile/heap.S: $(BUILD)/obj/maker $(BUILD)/obj/elsewhere scripts/heap.mjs scripts/layout.mjs
	@mkdir -p $(@D)
	node scripts/heap.mjs $(HEAP_FLAGS) --program $< --elsewhere $(BUILD)/obj/elsewhere --out $@ --spread $(@D)/blocks.json

$(BUILD)/profile/heap.o: $(BUILD)/profile/heap.S
	$(CC) -c -o $@ $<

$(BUILD)/profile/tsrun: $(BUILD)/host.o $(TABLE) $(BUILD)/obj/modules.o $(BUILD)/profile/heap.o host/heap.ld
	$(TSRUN)

# ---- the FFI on its own: the same host with a test program inside, plain and under AddressSanitizer and UBSan

$(BUILD)/host/modules.c: $(wildcard test/host/program/*.ts) $(SOURCES) $(NODE_MODULES) scripts/build.mjs scripts/deferred.mjs scripts/sourcemap.mjs $(BUILD)/settings
	$(COMPILE) --out $(@D) $(addprefix --entry ,$(wildcard test/host/program/*.ts src/trace.ts))

$(BUILD)/host-test: $(BUILD)/host.o $(BUILD)/host-test-lib.o $(BUILD)/host/modules.o $(BUILD)/room.o host/heap.ld
	$(PROGRAM)

$(BUILD)/host-test-asan: host/host.c host/functions.h $(NODE_MODULES) $(BUILD)/host-test-lib.o $(BUILD)/host/modules.o $(BUILD)/room.o host/heap.ld
	$(CC) $(HOST_FLAGS) $(SANITIZE) -fno-pie -no-pie -o $@ host/host.c $(filter %.o,$^) $(PLACES) $(LIBRARIES)

$(BUILD)/host-test-lib.o: test/host/lib.c host/functions.h $(BUILD)/settings
	$(CC) -std=gnu11 -O1 -Wall -Wextra -Wno-unused-parameter $(WERROR) -Ihost -c -o $@ test/host/lib.c

HOST_TESTS := $(BUILD)/host-test $(BUILD)/host-test-asan $(BUILD)/profile/tsrun $(BUILD)/tsrun

# ---- acts of rooms that no config.json can reach on a test machine

$(BUILD)/rooms/modules.c: $(wildcard test/system/programs/*.ts) $(SOURCES) $(GEN) scripts/build.mjs scripts/deferred.mjs scripts/sourcemap.mjs $(BUILD)/settings
	$(COMPILE) --out $(@D) --entry test/system/programs/main.ts --entry src/trace.ts

SYSTEM_TESTS := $(BUILD)/room-test $(BUILD)/without-libseccomp

$(BUILD)/without-libseccomp: $(BUILD)/host.o $(BUILD)/obj/modules.o $(BUILD)/room.o host/heap.ld
	$(PROGRAM)

$(BUILD)/room-test: $(BUILD)/host.o $(TABLE) $(BUILD)/rooms/modules.o $(BUILD)/room.o host/heap.ld
	$(PROGRAM)

# ---- the engine reads, plans and explains mutated documents, many in one process

$(BUILD)/fuzz/modules.c: $(wildcard test/faults/fuzz/*.ts) $(SOURCES) $(GEN) scripts/build.mjs scripts/sourcemap.mjs $(BUILD)/settings
	$(COMPILE) --out $(@D) --program test/faults/fuzz/main.ts

$(BUILD)/fuzz-documents: $(BUILD)/host.o $(TABLE) $(BUILD)/fuzz/modules.o $(BUILD)/room.o host/heap.ld
	$(PROGRAM)

# ---- what people type

# Tests run what this build made, or the program that RUNTIME names.
SUITES = BUILD='$(BUILD)' RUNTIME='$(or $(RUNTIME),$(BUILD)/tsrun)' scripts/test

LIBRARY := $(BUILD)/library/index.js
$(LIBRARY): $(GEN) scripts/library.mjs scripts/deferred.mjs $(shell find lib/src -name '*.ts') $(SOURCES)
	node scripts/library.mjs --out $(@D) --version '$(VERSION)'

## library: the modules for TypeScript programs, below build/library
library: $(LIBRARY)

## library-docs: the reference of the library, below build/library-docs
library-docs: $(GEN)
	npx typedoc --tsconfig lib/tsconfig.json --entryPoints lib/src/index.ts --excludePrivate --excludeInternal --readme none \
	  --name @tsrun/runtime --gitRevision main --out $(BUILD)/library-docs

## check: format, types, lint, import law, unit tests; no root, under a minute
check: $(GEN)
	$(SUITES) format types library-types lint rules unit

## format: prettier writes the sources as `check` wants them
format: $(NODE_MODULES)
	npx prettier --write --log-level warn .

## abi: every constant against the installed headers
abi: $(NODE_MODULES)
	$(SUITES) abi

## host-test: the foreign function interface, plain and under AddressSanitizer and UBSan
host-test: $(NODE_MODULES) $(HOST_TESTS)
	$(SUITES) host

## systest: containers on the real kernel; root
systest: build $(SYSTEM_TESTS)
	$(SUITES) system

## clients: podman, containerd, docker and others call tsrun; root
clients: build
	$(SUITES) clients

## faults: each step of a container's life fails in turn, and nothing is left behind; root
faults: build $(BUILD)/fuzz-documents
	$(SUITES) faults

## test-faults: what takes hours: 200,000 mutated documents, 5,000 runs of them, 1,000 bundles beside runc; root; FUZZ='--seed N', DIFFERENTIAL='--other PATH'
test-faults: fuzz differential

fuzz: build $(BUILD)/fuzz-documents
	node --import tsx test/faults/fuzz/run.mts $(FUZZ)

differential: build
	node --import tsx test/faults/differential/run.mts $(DIFFERENTIAL)

## test-guest: a guest with cgroup v2, systemd and AppArmor runs the tests of containers and of podman; root
test-guest: build $(SYSTEM_TESTS)
	$(SUITES) guest

## test: installs what the tests need, builds, runs everything above; root
test:
	scripts/install-deps --test
	$(MAKE) build $(HOST_TESTS) $(SYSTEM_TESTS) $(BUILD)/fuzz-documents
	$(SUITES)

## demo: installs what is missing, builds, explains and runs a container; root
demo:
	scripts/install-deps --demo
	$(MAKE) build
	scripts/demo

## bench: tsrun, crun, runc and a floor in C side by side; root; BENCH='--quick --only run' to choose
bench:
	scripts/install-deps --bench
	$(MAKE) build
	node test/bench/bench.mjs $(BENCH)

## profile: renews scripts/hot.txt, by which the heap is laid out, after larger changes; root, needs perf
profile: $(BUILD)/profile/tsrun
	node scripts/profile.mjs --program $< --blocks $(<D)/blocks.json

## docs: renews docs/errors.md from the tables in the sources
docs: $(NODE_MODULES) $(GEN)
	node --import ./scripts/typescript.mjs scripts/documents.mts

# Manual pages and completions, from the table of commands. The date is that of the sources.
PAGES := $(BUILD)/pages/man/tsrun.8
$(PAGES): $(NODE_MODULES) $(GEN) scripts/documents.mts package.json $(wildcard src/cli/*.ts src/cli/pages/*.ts) $(BUILD)/settings
	node --import ./scripts/typescript.mjs scripts/documents.mts --out $(BUILD)/pages --version '$(VERSION)' --date "$$(date -u -d @$(SOURCE_DATE_EPOCH) +%F)"

## pages: manual pages and completions, below build/pages
pages: $(PAGES)

include packaging/dist.mk

## clean: removes build/ and nothing else
clean:
	rm -rf $(BUILD) build/gen

## help: this list; QUICKJS=/usr builds against the distribution's engine, BUILD=DIR builds elsewhere
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' $(MAKEFILE_LIST) | expand -t 15
