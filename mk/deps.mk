# SPDX-License-Identifier: Apache-2.0
# Debian's packages, by purpose: see the table in packaging/deps.

.PHONY: deps
deps: ## install every Debian package that a target needs; PURPOSE="build test" for some
	@packaging/deps $(or $(PURPOSE),all)
