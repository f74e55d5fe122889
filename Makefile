# Cairn's build. GNU make, a C compiler and the libraries; no configure step. `make help` lists the targets.
#
# One recipe builds every variant: MODE chooses the flags and the folder build/MODE. Sources are found by
# wildcard: src/<layer>/*.c go into libcairn.a, src/<program>/main.c makes a program, tests/unit/test_*.c and
# tests/fuzz/fuzz_*.c make one executable each. Nobody edits this file to add a source.
#
# Variables: CC, CFLAGS, LDFLAGS (appended to ours), MODE=release|debug|asan|tsan|fuzz, LTO=0, WERROR=0,
# ALLOC=jemalloc|libc, OPT=-O3, V=1 (show commands), PREFIX, DESTDIR, REDIS_NAMES=1, PORT, ARGS, FUZZ_SECONDS.

VERSION := 0.1.0
MODE    ?= release
B       := build/$(MODE)
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),@:,@printf '  %-5s %s\n' $(1) $(2))

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

# ---------------------------------------------------------------------------------------------- tools and flags

ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(filter fuzz,$(MODE)),clang,gcc)
endif
CC_IS_CLANG := $(shell $(CC) --version 2>/dev/null | grep -c clang)
CC_MAJOR    := $(firstword $(subst ., ,$(shell $(CC) -dumpversion 2>/dev/null)))
at_least     = $(shell test "$(CC_MAJOR)" -ge $(1) 2>/dev/null && echo 1)
PKG_CONFIG  ?= pkg-config
have         = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo 1)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifneq ($(WERROR),0)
WARNINGS += -Werror
endif

# -iquote, not -I: our sys/socket.h must not stand in the way of <sys/socket.h>.
BASE_FLAGS := -std=gnu11 -D_GNU_SOURCE -g -fno-plt -fPIE -iquote src $(WARNINGS)
# OpenSSL and friends are asked for by name; --as-needed drops what no object uses.
LINK_FLAGS := -pie -rdynamic -Wl,-z,relro,-z,now -Wl,--as-needed
LTO        ?= 1
OPT        ?= -O2
FORTIFY    := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(if $(filter 0,$(CC_IS_CLANG)),$(if $(call at_least,12),3,2),2)
HARDEN     := -fstack-protector-strong $(FORTIFY)
AR         := ar

ifeq ($(MODE),release)
  # Without asserts a variable may be left that only an assert reads; the debug build finds the truly unused.
  MODE_FLAGS := $(OPT) -DNDEBUG $(HARDEN) -Wno-unused-variable -Wno-unused-but-set-variable
  ALLOC      ?= jemalloc
  ifneq ($(LTO),0)
    ifeq ($(CC_IS_CLANG),0)
      MODE_FLAGS += -flto=auto
      AR := gcc-ar
    else ifneq ($(shell command -v ld.lld llvm-ar | grep -c .),2)
      # clang's LTO needs LLVM's linker and archiver; without them there is none.
    else
      MODE_FLAGS += -flto=thin
      LINK_FLAGS += -fuse-ld=lld
      AR := llvm-ar
    endif
  endif
else ifeq ($(MODE),debug)
  MODE_FLAGS := -O1 -DCAIRN_DEBUG -fno-omit-frame-pointer $(HARDEN)
  ALLOC      ?= jemalloc
else ifeq ($(MODE),asan)
  MODE_FLAGS := -O1 -DCAIRN_DEBUG -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
  ALLOC      ?= libc
else ifeq ($(MODE),tsan)
  MODE_FLAGS := -O1 -DCAIRN_DEBUG -fno-omit-frame-pointer -fsanitize=thread
  ALLOC      ?= libc
else ifeq ($(MODE),fuzz)
  MODE_FLAGS := -O1 -DCAIRN_DEBUG -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
                -fno-sanitize-recover=all
  ALLOC      ?= libc
else
  $(error MODE is release, debug, asan, tsan or fuzz, not '$(MODE)')
endif

LIBS :=
ifeq ($(ALLOC),jemalloc)
  # Debian's static archive saves the indirect calls; elsewhere the shared library does.
  JEMALLOC_PIC := $(wildcard $(shell $(PKG_CONFIG) --variable=libdir jemalloc 2>/dev/null)/libjemalloc_pic.a)
  DEFINES += -DCAIRN_ALLOC_JEMALLOC
  LIBS += $(if $(JEMALLOC_PIC),$(JEMALLOC_PIC),$(or $(shell $(PKG_CONFIG) --libs jemalloc 2>/dev/null),-ljemalloc))
else ifeq ($(ALLOC),libc)
  DEFINES += -DCAIRN_ALLOC_LIBC
else
  $(error ALLOC is jemalloc or libc, not '$(ALLOC)')
endif
# Optional libraries: a define, and variants of a file by its name (x_systemd.c, x_nosystemd.c).
HAVE_SYSTEMD  := $(call have,libsystemd)
HAVE_LIBURING := $(call have,liburing)
HAVE_OPENSSL  := $(call have,libcrypto)
DEFINES += $(if $(HAVE_SYSTEMD),-DHAVE_SYSTEMD) $(if $(HAVE_LIBURING),-DHAVE_LIBURING) $(if $(HAVE_OPENSSL),-DHAVE_OPENSSL)
LIBS    += $(if $(HAVE_SYSTEMD),-lsystemd) $(if $(HAVE_LIBURING),-luring) $(if $(HAVE_OPENSSL),-lcrypto) -llzf -lxxhash -lm -lpthread

COMPILE  = $(CC) $(BASE_FLAGS) $(MODE_FLAGS) $(DEFINES)
LINK     = $(CC) $(BASE_FLAGS) $(MODE_FLAGS) $(LINK_FLAGS)

# ---------------------------------------------------------------------------------------------------- sources

absent_variants := $(if $(filter jemalloc,$(ALLOC)),%_libc.c,%_jemalloc.c) \
                   $(if $(HAVE_SYSTEMD),%_nosystemd.c) $(if $(HAVE_LIBURING),%_nouring.c)
all_sources     := $(filter-out $(absent_variants),$(sort $(wildcard src/*/*.c)))
# Without the library, x_systemd.c gives way to x_nosystemd.c where that exists.
optional_out     = $(if $(2),,$(foreach f,$(filter %_$(1).c,$(all_sources)),$(if $(wildcard $(f:_$(1).c=_no$(1).c)),$(f))))
sources         := $(filter-out $(call optional_out,systemd,$(HAVE_SYSTEMD)) $(call optional_out,uring,$(HAVE_LIBURING)),$(all_sources))

program_folders := cli bench check
lib_sources     := $(filter-out src/server/main.c $(program_folders:%=src/%/%),$(sources))
lib_objects     := $(lib_sources:src/%.c=$(B)/obj/%.o)
LIB             := $(B)/libcairn.a

# Programs of the release live in build/ itself, those of other modes in their own folder.
BIN      := $(if $(filter release,$(MODE)),build,$(B))
PROGRAMS := $(if $(wildcard src/server/main.c),$(BIN)/cairn-server) \
            $(if $(wildcard src/cli/main.c),$(BIN)/cairn-cli) \
            $(if $(wildcard src/bench/main.c),$(BIN)/cairn-benchmark) \
            $(if $(wildcard src/check/main.c),$(BIN)/cairn-check-rdb)

unit_tests    := $(sort $(wildcard tests/unit/test_*.c))
unit_helpers  := $(filter-out $(unit_tests),$(sort $(wildcard tests/unit/*.c)))
unit_programs := $(unit_tests:%.c=$(B)/%)
unit_objects  := $(unit_helpers:%.c=$(B)/%.o)
fuzz_programs := $(patsubst tests/fuzz/%.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

# ------------------------------------------------------------------------------------------------------ build

.PHONY: all debug help
all: $(PROGRAMS) $(if $(wildcard src/server/main.c),$(BIN)/redis-server) $(if $(wildcard src/check/main.c),$(BIN)/cairn-check-aof)
	@:

debug:
	+$(Q)$(MAKE) --no-print-directory MODE=debug all

help:
	@awk '/^## /{sub(/^## /, ""); print}' $(firstword $(MAKEFILE_LIST))

## make               release build: build/cairn-server (and build/redis-server, the same by another name)
## make debug         build/debug: -O1, asserts on
## make run           install what is missing, build, serve on PORT (6379) with ./data; ARGS='...' go to the server
## make test          everything below down to test-conformance, with totals; TEST_STEPS='unit wire' chooses
## make test-unit     unit tests, debug build            make test-wire      same scripts against redis-server and us
## make test-asan     unit tests under ASan and UBSan    make test-wire-asan wire tests, sanitised server
## make test-persist  kill -9, bit flips: tests/persist, short
## make test-fuzz     short run of every fuzz target     make test-examples  the scripts of examples/
## make check         layers, writable globals, headers that stand alone, format, and the checks' own test
## make asan | tsan   sanitised builds and the tests under them
## make fuzz          every fuzz target for FUZZ_SECONDS (20) each
## make nightly       the long forms: persistence rigs, model tests, fuzzing for NIGHTLY_SECONDS (300) each target
## make conformance   Redis 7.0.15's own Tcl suite; UNITS='unit/expire ...' chooses
## make bench         side by side with redis-server: bench/run, bench/types, bench/persist
## make format        clang-format in place
## make install       PREFIX=/usr/local DESTDIR= ; REDIS_NAMES=1 adds the redis-* names; make uninstall
## make clean         removes build/

# What an object depends on besides its source: the command line, and the list of sources for the archive.
# A stamp is rewritten only when its content changes.
stamp = $(shell mkdir -p $(B); printf '%s\n' '$(subst ','\'',$(2))' | cmp -s - $(B)/$(1) || printf '%s\n' '$(subst ','\'',$(2))' >$(B)/$(1))
cleaning := $(and $(MAKECMDGOALS),$(if $(filter-out clean help format install-deps,$(MAKECMDGOALS)),,1))
ifeq ($(cleaning),)
$(call stamp,.flags,$(COMPILE) $(CFLAGS) $(CC_MAJOR))
$(call stamp,.link,$(LINK) $(CFLAGS) $(LDFLAGS) $(LIBS))
$(call stamp,.sources,$(lib_objects))
# Files that ask for the version or the commit get them, and only they are compiled again when it changes.
GIT_SHA1   := $(or $(shell git rev-parse --short=8 HEAD 2>/dev/null),00000000)
GIT_DIRTY  := $(shell test -z "$$(git status --porcelain --untracked-files=no -- src Makefile 2>/dev/null)" && echo 0 || echo 1)
versioned  := $(shell grep -lsE 'CAIRN_(VERSION|GIT_SHA1|GIT_DIRTY)' $(sources) /dev/null)
$(call stamp,.version,$(VERSION) $(GIT_SHA1) $(GIT_DIRTY))
endif
VERSION_DEFINES := -DCAIRN_VERSION='"$(VERSION)"' -DCAIRN_GIT_SHA1='"$(GIT_SHA1)"' -DCAIRN_GIT_DIRTY='"$(GIT_DIRTY)"'
$(versioned:src/%.c=$(B)/obj/%.o): $(B)/.version
$(versioned:src/%.c=$(B)/obj/%.o): DEFINES += $(VERSION_DEFINES)

$(B)/obj/%.o: src/%.c $(B)/.flags Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(lib_objects) $(B)/.sources
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcsT $@ $(lib_objects)

define program
$(BIN)/$(1): $$(patsubst src/%.c,$(B)/obj/%.o,$$(filter src/$(2)/%,$(if $(filter server,$(2)),src/server/main.c,$(sources)))) $(LIB) $(B)/.link
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(LINK) $$(CFLAGS) $$(LDFLAGS) $$(filter %.o,$$^) $(LIB) $$(LIBS) -o $$@
endef
$(eval $(call program,cairn-server,server))
$(eval $(call program,cairn-cli,cli))
$(eval $(call program,cairn-benchmark,bench))
$(eval $(call program,cairn-check-rdb,check))

$(BIN)/redis-server: $(BIN)/cairn-server
	@ln -sf cairn-server $@
$(BIN)/cairn-check-aof: $(BIN)/cairn-check-rdb
	@ln -sf cairn-check-rdb $@

# Tests may do what the product may not; only the common warnings hold for them.
TEST_FLAGS := -Itests/unit -Wno-missing-prototypes -Wno-shadow -Wno-unused-parameter
$(B)/tests/%.o: tests/%.c $(B)/.flags Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS) $(TEST_FLAGS) -MMD -MP -c $< -o $@
$(unit_programs): %: %.o $(unit_objects) $(LIB) $(B)/.link
	$(call say,LINK,$@)
	$(Q)$(LINK) $(CFLAGS) $(LDFLAGS) $(filter %.o,$^) $(LIB) -lcmocka $(LIBS) -o $@
$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIB) $(B)/.link
	$(call say,LINK,$@)
	$(Q)$(LINK) -fsanitize=fuzzer $(CFLAGS) $(LDFLAGS) $(filter %.o,$^) $(LIB) $(LIBS) -o $@

-include $(shell test -d $(B) && find $(B) -name '*.d')

.PHONY: unit-programs fuzz-programs objects
unit-programs: $(unit_programs)
	@:
fuzz-programs: $(fuzz_programs)
	@:
objects: $(patsubst src/%.c,$(B)/obj/%.o,$(sources))
	@:

# ------------------------------------------------------------------------------------------------- run and test

.PHONY: run install-deps test check asan tsan fuzz bench conformance format
.PHONY: test-unit test-wire test-asan test-wire-asan test-fuzz test-examples test-conformance test-persist nightly
PORT         ?= 6379
FUZZ_SECONDS ?= 20
JOBS         := $(shell nproc 2>/dev/null || echo 2)
# A sub-make gets its own job count unless the caller gave one.
SUBMAKE       = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))
export PORT ARGS FUZZ_SECONDS UNITS

install-deps:
	@tools/install-deps test

run:
	@tools/install-deps build
	+@$(SUBMAKE) MODE=release all
	@tools/run-server

test:
	@tools/install-deps test
	@tools/run-tests $(TEST_STEPS)

check:
	+@CC='$(CC)' tools/check '$(SUBMAKE)'

test-unit:
	+@$(SUBMAKE) MODE=debug unit-programs
	@tools/run-unit build/debug

test-asan:
	+@$(SUBMAKE) MODE=asan unit-programs
	@tools/run-unit build/asan

test-wire:
	+@$(SUBMAKE) MODE=release all
	@tools/run-wire build/cairn-server

test-wire-asan:
	+@$(SUBMAKE) MODE=asan all
	@tools/run-wire build/asan/cairn-server

test-persist:
	+@$(SUBMAKE) MODE=release all
	@tools/run-persist build/cairn-server

nightly:
	@tools/install-deps test
	@tools/run-nightly $(NIGHTLY_STEPS)

asan: test-asan test-wire-asan

tsan:
	+@$(SUBMAKE) MODE=tsan all unit-programs
	@tools/run-unit build/tsan
	@tools/run-wire build/tsan/cairn-server

fuzz test-fuzz:
	+@tools/run-fuzz '$(SUBMAKE)'

test-examples:
	+@$(SUBMAKE) MODE=release all
	@tools/run-examples

conformance test-conformance:
	+@$(SUBMAKE) MODE=release all
	@tests/conformance/run $(if $(filter test-conformance,$@),--quick)

bench:
	+@$(SUBMAKE) MODE=release all
	@bench/run
	@bench/types
	@bench/persist

format:
	@tools/check-format --fix

# ------------------------------------------------------------------------------------------------------ install

.PHONY: install uninstall clean
PREFIX  ?= /usr/local
bindir  := $(DESTDIR)$(PREFIX)/bin
mandir  := $(DESTDIR)$(PREFIX)/share/man
bashdir := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zshdir  := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
unitdir := $(DESTDIR)$(PREFIX)/lib/systemd/system
docdir  := $(DESTDIR)$(PREFIX)/share/doc/cairn
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
confdir := $(DESTDIR)$(SYSCONFDIR)/cairn

# Which redis-* name each program also answers to.
redis_name = $(patsubst cairn-%,redis-%,$(1))

install: all
	install -d $(bindir) $(mandir)/man1 $(mandir)/man5 $(bashdir) $(zshdir) $(unitdir) $(docdir) $(confdir)
	$(foreach p,$(PROGRAMS),install -m 755 $(p) $(bindir)/$(notdir $(p)) &&) :
	$(if $(wildcard src/check/main.c),ln -sf cairn-check-rdb $(bindir)/cairn-check-aof)
	$(if $(filter 1,$(REDIS_NAMES)),$(foreach p,$(PROGRAMS) $(if $(wildcard src/check/main.c),cairn-check-aof),ln -sf $(notdir $(p)) $(bindir)/$(call redis_name,$(notdir $(p))) &&) :)
	install -m 644 packaging/man/*.1 $(mandir)/man1/
	install -m 644 packaging/man/*.5 $(mandir)/man5/
	install -m 644 packaging/completion/cairn.bash $(bashdir)/cairn-server
	$(foreach n,check-rdb check-aof,ln -sf cairn-server $(bashdir)/cairn-$(n) &&) :
	install -m 644 packaging/completion/_cairn $(zshdir)/_cairn
	sed 's|@PREFIX@|$(PREFIX)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' packaging/cairn-server.service >$(unitdir)/cairn-server.service
	install -m 644 packaging/cairn.conf LICENSE $(docdir)/
	test -e $(confdir)/cairn.conf || install -m 644 packaging/cairn.conf $(confdir)/

uninstall:
	rm -f $(foreach p,server cli benchmark check-rdb check-aof,$(bindir)/cairn-$(p))
	for p in server cli benchmark check-rdb check-aof; do \
	    case "$$(readlink $(bindir)/redis-$$p)" in cairn-*) rm -f $(bindir)/redis-$$p;; esac; done
	rm -f $(mandir)/man1/cairn-*.1 $(mandir)/man5/cairn.conf.5 $(bashdir)/cairn-* $(zshdir)/_cairn
	rm -f $(unitdir)/cairn-server.service
	rm -rf $(docdir)

clean:
	rm -rf build
