# SPDX-License-Identifier: Apache-2.0

.PHONY: quickstart
quickstart: ## packages, build, and a first container: start here
	@packaging/deps build quickstart
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@packaging/quickstart $(B)
