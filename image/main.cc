// SPDX-License-Identifier: Apache-2.0
// crun-lite-image: the helper behind `crun-lite image`, which links the libraries for archives.
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "image/commands.h"

namespace crunlite::image {
namespace {

std::string environment_variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no program of ours changes its environment.
  const char* value = ::getenv(name);
  return value != nullptr ? value : "";
}

int run(std::span<const std::string> args) {
  LogSettings log;
  log.program = "crun-lite image";
  (void)open_log(log);  // opens no file
  Environment environment;
  environment.store.store = environment_variable("CRUN_LITE_STORE");
  environment.store.xdg_data_home = environment_variable("XDG_DATA_HOME");
  environment.store.home = environment_variable("HOME");
  environment.store.is_root = ::geteuid() == 0;
  return run_command(args, environment);
}

}  // namespace
}  // namespace crunlite::image

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return crunlite::image::run(args);
}
