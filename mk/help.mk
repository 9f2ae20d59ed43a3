# SPDX-License-Identifier: Apache-2.0

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#=]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
	  LC_ALL=C sort | awk -F '\t' '{printf "  make %-14s %s\n", $$1, $$2}'
