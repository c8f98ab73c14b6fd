# make: build    make demo: run it    make test: test it    make help: the rest
#
# Sources are found, never listed: a new file is a new file.  V=1 shows the commands.

VERSION := 0.1.0
BUILD   ?= build$(if $(SAN),-$(if $(filter thread,$(SAN)),thread,san))$(if $(FUZZ),-fuzz)
PREFIX  ?= /usr/local
CC      ?= cc
Q       := $(if $(V),,@)

PACKAGES := libmicrohttpd gnutls openssl jansson lmdb libconfuse liboath libseccomp libcurl libqrencode libargon2 zlib libxml-2.0
CPPFLAGS += -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -DVERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"' -Iidpd -I.
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c11 -Wall -Wextra -Werror -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE -MMD -MP
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS    = $(shell pkg-config --libs $(PACKAGES)) -lldap -llber -lpthread
CPPFLAGS += $(shell pkg-config --cflags $(PACKAGES) p11-kit-1)

# SAN=thread make …: everything under ThreadSanitizer, in build-thread/
ifeq ($(SAN),thread)
CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=2,$(CPPFLAGS))
CFLAGS   := $(filter-out -O2,$(CFLAGS)) -O1 -fsanitize=thread -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=thread
# SAN=1 make …: everything under AddressSanitizer and UBSan, in build-san/
else ifdef SAN
CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=2,$(CPPFLAGS))
CFLAGS   := $(filter-out -O2,$(CFLAGS)) -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
endif

# FUZZ=1: for libFuzzer, which comes with clang
ifdef FUZZ
CC       := clang-14
CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=2,$(CPPFLAGS))
CFLAGS   := $(filter-out -O2 -Werror,$(CFLAGS)) -O1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
endif

MAINS   := idpd/main.c
LIBSRC  := $(filter-out $(MAINS),$(wildcard idpd/*.c idpd/*/*.c))
CTLSRC  := $(wildcard csamctl/*.c)
AGENTSRC:= $(filter-out agent/main.c,$(wildcard agent/*.c))
PLUGSRC := $(wildcard libcsam/*.c)
PAMSRC  := $(wildcard pam_csam/*.c)
UNITSRC := $(wildcard tests/unit/test_*.c)
DEFS    := $(wildcard idpd/*/*.def)
obj      = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
FUZZSRC := $(filter-out %/standalone.c,$(wildcard tests/fuzz/*.c))
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNITSRC)) $(patsubst tests/fuzz/%.c,$(BUILD)/unit/test_fuzz_%,$(FUZZSRC))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZSRC))

TOOLS   := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))
BENCHES := $(patsubst %,$(BUILD)/bench/%,load limits micro eid pamload)

.PHONY: all lint programs units tools fuzz fuzzers test soak bench bench-soak demo demo-stop install clean help
.DEFAULT_GOAL := all
all: setup-build
	@$(MAKE) --no-print-directory programs

programs: $(BUILD)/idpd $(BUILD)/csamctl $(if $(AGENTSRC),$(BUILD)/csam-agent) $(BUILD)/csam-card $(if $(PAMSRC),$(BUILD)/pam_csam.so $(BUILD)/pam-login)
units: $(UNITS) $(TOOLS)
tools: $(TOOLS)

$(BUILD)/libidpd.a: $(call obj,$(LIBSRC))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/idpd: $(call obj,idpd/main.c) $(BUILD)/libidpd.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# It holds what this version ships for the directory.
$(call obj,csamctl/shipped.c) $(BUILD)/unit/test_ctl_upgrade: schema/csam.ldif conf/directory/slapd.ldif conf/directory/tree.ldif

# It reads csam.conf as the agent does, and asks the agent as the plug-ins do.
$(BUILD)/csamctl: $(call obj,$(CTLSRC) agent/conf.c) $(BUILD)/libcsam.a $(BUILD)/libidpd.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libagent.a: $(call obj,$(AGENTSRC))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/csam-agent: $(call obj,agent/main.c) $(BUILD)/libagent.a $(BUILD)/libidpd.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Loads the PKCS#11 module of a card's vendor, by its path; of p11-kit only the header is used.
$(BUILD)/csam-card: $(call obj,card/main.c card/token.c) $(BUILD)/libidpd.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# What other people's programs load: libc and libpam, and only the names that they look for.
$(BUILD)/plug/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(CPPFLAGS) $(CFLAGS)) -fPIC -fvisibility=hidden -c -o $@ $<

$(BUILD)/libcsam.a: $(patsubst %.c,$(BUILD)/plug/%.o,$(PLUGSRC))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/pam_csam.so: $(patsubst %.c,$(BUILD)/plug/%.o,$(PAMSRC)) $(BUILD)/libcsam.a
	$(Q)$(CC) $(filter-out -fPIE,$(CFLAGS)) $(filter-out -pie,$(LDFLAGS)) -shared -o $@ $^ -lpam

# Tools of tests, each one file.
$(BUILD)/tools/%: tests/tools/%.c $(BUILD)/libidpd.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libidpd.a $(LDLIBS) -lpam

# What a source says in lines /* LINK: … */, its own and those of headers beside it.
beside   = $(wildcard $(addprefix $(dir $<),$(shell sed -n 's,^\#include "\([a-z_]*\.h\)"$$,\1,p' $<)))
link_of  = $(shell sed -n 's,^/\* LINK: \(.*\) \*/$$,\1,p' $< $(beside))

# The demonstration's own way through libpam.
$(BUILD)/pam-login: $(call obj,conf/demo/pam-login.c)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpam

# What tests load into programs: the module of a card's vendor, with every fault one can have (card-module); a clock that jumps.
$(BUILD)/%.so: tests/integration/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(CPPFLAGS) $(CFLAGS)) $(filter-out -pie,$(LDFLAGS)) -fPIC -shared -fvisibility=hidden -o $@ $< -ldl

# A unit test may name link options:  /* LINK: -Wl,--wrap=now */
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libcsam.a $(BUILD)/libagent.a $(BUILD)/libidpd.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libcsam.a $(BUILD)/libagent.a $(BUILD)/libidpd.a $(link_of) $(LDLIBS) -lcmocka

$(BUILD)/unit/test_pam_csam: $(BUILD)/pam_csam.so
$(BUILD)/unit/test_agent_daemon: $(BUILD)/csam-agent

# A fuzz target twice: for its corpus alone, as a unit test, and with libFuzzer.
fuzz_libs = $(BUILD)/libagent.a $(BUILD)/libidpd.a $(BUILD)/libcsam.a
$(BUILD)/unit/test_fuzz_%: tests/fuzz/%.c tests/fuzz/standalone.c $(fuzz_libs)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DTARGET='"$*"' $(CFLAGS) $(LDFLAGS) -o $@ $< tests/fuzz/standalone.c $(fuzz_libs) $(link_of) $(LDLIBS)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(fuzz_libs)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(fuzz_libs) $(link_of) $(LDLIBS)

$(BUILD)/unit/test_fuzz_card_module $(BUILD)/fuzz/card_module: card/token.c card/token.h	# it is no part of a library

$(BUILD)/bench/load: $(call obj,bench/load.c bench/client.c bench/flows.c bench/codes.c) $(BUILD)/libidpd.a
$(BUILD)/bench/limits: $(call obj,bench/limits.c) $(BUILD)/libidpd.a
$(BUILD)/bench/micro: $(call obj,bench/micro.c) $(BUILD)/libidpd.a
$(BUILD)/bench/micro: LDFLAGS += -Wl,--wrap=keyring_day_key,--wrap=keyring_audit_month,--wrap=keyring_audit_hour
$(BUILD)/bench/eid: $(call obj,bench/eid.c) $(BUILD)/libidpd.a
$(BUILD)/bench/pamload: $(call obj,bench/pamload.c) $(BUILD)/libidpd.a
$(BUILD)/bench/pamload: LDLIBS += -lpam
$(BENCHES):
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

setup-node: setup-test
	@setup/node

setup-unpack:
	@setup/unpack

setup-%:
	@setup/install $*

# The whole suite runs on a build with AddressSanitizer and UBSan.
test: setup-build setup-demo setup-test setup-unpack setup-node
	@$(MAKE) --no-print-directory SAN=1 programs tools units
	@tests/run -b build-san $(T)

# Everything that can be said of the sources without running them, also what takes long (make test does the short of it).
lint: setup-build setup-test
	@$(MAKE) --no-print-directory SAN=1 units
	@DEEP=1 TEST_TIMEOUT=3600 tests/run -b build-san lint/

# What make test does for a minute, for as long as you like: LOGINS=20000 SEED=7 make soak. T='parallel timing' only those.
soak: setup-build setup-demo setup-test setup-node
	@$(MAKE) --no-print-directory SAN=1 programs tools build-san/unit/test_faults build-san/unit/test_faults_http
	@$(MAKE) --no-print-directory SAN=thread programs
	@$(MAKE) --no-print-directory programs tools
	@tests/soak $(T)

# make fuzz TIME=60: every target for so many seconds, two at a time, from its corpus; what is found is put into it.
fuzz: setup-build setup-fuzz
	@$(MAKE) --no-print-directory FUZZ=1 fuzzers
	@tests/fuzz/run build-fuzz $(or $(TIME),60) $(T)

fuzzers: $(FUZZERS)

demo: setup-build setup-demo
	@$(MAKE) --no-print-directory programs
	@setup/demo start

demo-stop:
	@setup/demo stop

bench bench-soak: setup-build setup-bench
	@$(MAKE) --no-print-directory programs $(BENCHES)
	@$(if $(filter bench,$@),bench/run && bench/pam,bench/soak)

man/idpd.conf.5: man/idpd.conf.5.in $(BUILD)/idpd
man/csam.conf.5: man/csam.conf.5.in $(BUILD)/csam-agent
man/%.conf.5:
	$(Q)$(word 2,$^) -M > $(BUILD)/options.mdoc && sed -e '/^@OPTIONS@$$/{r $(BUILD)/options.mdoc' -e 'd}' $< > $@

# Files with @PREFIX@ in them, and where the system looks for each kind.
PAMDIR  ?= /usr/lib/$(shell $(CC) -print-multiarch)/security
UNITDIR ?= $(PREFIX)/lib/systemd/system
to       = $(DESTDIR)$(PREFIX)
unit     = sed 's,@PREFIX@,$(PREFIX),g' conf/systemd/$(1) > $(DESTDIR)$(UNITDIR)/$(1) && chmod 644 $(DESTDIR)$(UNITDIR)/$(1)

install: all install-host man/idpd.conf.5
	install -d $(to)/share/csam/schema
	install -s $(BUILD)/idpd $(to)/sbin/
	cp -r share/html share/css share/js share/mail share/texts share/passwords.txt $(to)/share/csam/
	install -m 644 schema/csam.schema schema/csam.ldif conf/directory/slapd.ldif conf/directory/tree.ldif $(to)/share/csam/schema/
	cp -r conf/haproxy $(to)/share/csam/examples/
	$(call unit,idpd.service)
	install -m 644 man/idpd.conf.5 $(to)/share/man/man5/

# What a server needs that lets people in. Nothing of it has an effect yet: README.md, Servers.
install-host: programs man/csam.conf.5
	install -d $(to)/sbin $(to)/bin $(to)/libexec $(to)/share/man/man1 $(to)/share/man/man5 $(to)/share/man/man8 $(to)/share/csam/examples \
	    $(to)/lib/sysusers.d $(to)/lib/tmpfiles.d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(PAMDIR) $(DESTDIR)/usr/share/pam-configs
	install -s $(BUILD)/csam-agent $(to)/sbin/
	install -s $(BUILD)/csamctl $(to)/bin/
	install -s $(BUILD)/csam-card $(to)/libexec/
	install -s -m 644 $(BUILD)/pam_csam.so $(DESTDIR)$(PAMDIR)/
	install -m 644 conf/pam/csam conf/pam/csam-password $(DESTDIR)/usr/share/pam-configs/
	cp -r conf/sshd conf/nss conf/fail2ban conf/polkit $(to)/share/csam/examples/
	mkdir -p $(to)/share/csam/examples/pam && cp conf/pam/examples/* $(to)/share/csam/examples/pam/
	install -m 644 conf/systemd/csam.sysusers $(to)/lib/sysusers.d/csam.conf
	install -m 644 conf/systemd/csam.tmpfiles $(to)/lib/tmpfiles.d/csam.conf
	$(call unit,csam-agent.service)
	$(call unit,csam-agent.socket)
	install -m 644 man/*.1 $(to)/share/man/man1/
	install -m 644 man/csam.conf.5 $(to)/share/man/man5/
	install -m 644 man/*.8 $(to)/share/man/man8/

help:
	@echo "make            build into build/ (SAN=1: with sanitizers into build-san/)"
	@echo "make demo       run it here, with example people and services; make demo-stop ends it"
	@echo "make install-host  what a server needs that lets people in (README.md, Servers)"
	@echo "make test       run every test; T='e2e unit/test_conf' only those that match"
	@echo "make soak       20,000 logins (LOGINS=n, SEED=n) and 100,000 mails (MESSAGES=n) while its processes are killed at random"
	@echo "make fuzz       feeds every parser with nonsense for TIME=60 seconds each; T=jose only that one"
	@echo "make bench      measure it, beside what this machine can do (3 minutes); make bench-soak: nothing grows in 100,000 flows"

clean:
	rm -rf build build-*

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
