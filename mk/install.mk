# SPDX-License-Identifier: Apache-2.0
# Installation below DESTDIR and PREFIX, and its removal.

PREFIX  ?= /usr/local
DESTDIR ?=
HELPERS := $(filter-out crun-lite,$(PROGRAMS))
PAGES   := $(notdir $(wildcard packaging/man/*.1))
MAN     := $(PREFIX)/share/man/man1

COMPLETION  := $(wildcard packaging/completion/crun-lite.bash)
COMPLETIONS := $(PREFIX)/share/bash-completion/completions

INSTALLED := $(PREFIX)/bin/crun-lite \
             $(HELPERS:%=$(PREFIX)/libexec/crun-lite/%) \
             $(PREFIX)/libexec/crun-lite/criu \
             $(PAGES:%=$(MAN)/%.gz) \
             $(if $(COMPLETION),$(COMPLETIONS)/crun-lite)

.PHONY: install uninstall
install: all ## install the programs, manual pages and completion: DESTDIR, PREFIX=/usr/local
	install -D -s -m 755 $(B)/crun-lite $(DESTDIR)$(PREFIX)/bin/crun-lite
	install -d $(DESTDIR)$(PREFIX)/libexec/crun-lite $(DESTDIR)$(MAN)
	install -s -m 755 $(HELPERS:%=$(B)/%) $(DESTDIR)$(PREFIX)/libexec/crun-lite
	$(if $(CRIU),install -m 755 $(CRIU) $(DESTDIR)$(PREFIX)/libexec/crun-lite/criu)
	$(foreach p,$(PAGES),gzip -9nc packaging/man/$(p) >$(DESTDIR)$(MAN)/$(p).gz &&) true
	$(if $(COMPLETION),install -D -m 644 $(COMPLETION) $(DESTDIR)$(COMPLETIONS)/crun-lite)

uninstall: ## remove what install has put there
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	-rmdir $(DESTDIR)$(PREFIX)/libexec/crun-lite 2>/dev/null
