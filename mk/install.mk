# SPDX-License-Identifier: Apache-2.0
# Installation below DESTDIR and PREFIX, and its removal.

PREFIX  ?= /usr/local
DESTDIR ?=
HELPERS := $(filter-out crun-lite,$(PROGRAMS))
PAGES   := $(notdir $(wildcard packaging/man/*.1))

INSTALLED := $(PREFIX)/bin/crun-lite \
             $(HELPERS:%=$(PREFIX)/libexec/crun-lite/%) \
             $(PAGES:%=$(PREFIX)/share/man/man1/%.gz) \
             $(if $(wildcard packaging/completion/crun-lite.bash),\
               $(PREFIX)/share/bash-completion/completions/crun-lite)

.PHONY: install uninstall
install: all ## install the programs, manual pages and completion: DESTDIR, PREFIX=/usr/local
	install -D -m 755 $(B)/crun-lite $(DESTDIR)$(PREFIX)/bin/crun-lite
	$(foreach p,$(HELPERS),install -D -m 755 $(B)/$(p) $(DESTDIR)$(PREFIX)/libexec/crun-lite/$(p) &&) true
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	$(foreach p,$(PAGES),gzip -9nc packaging/man/$(p) >$(DESTDIR)$(PREFIX)/share/man/man1/$(p).gz &&) true
	$(if $(wildcard packaging/completion/crun-lite.bash),install -D -m 644 packaging/completion/crun-lite.bash \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions/crun-lite)

uninstall: ## remove what install has put there
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	-rmdir $(DESTDIR)$(PREFIX)/libexec/crun-lite 2>/dev/null
