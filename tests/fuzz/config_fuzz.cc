// SPDX-License-Identifier: Apache-2.0
// config.json and process.json of any bytes: reading, checking, and writing what was read.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "oci/config.h"
#include "oci/config_check.h"
#include "oci/sysctl.h"

namespace oci = crunlite::oci;
using crunlite::Result;
using crunlite::Status;

namespace {

void check_config(std::string_view text) {
  Result<oci::Config> config = oci::parse_config(text);
  if (!config.has_value()) {
    CHECK(!config.error().message.empty());
    return;
  }
  std::string written = oci::write_config(*config);
  Result<oci::Config> again = oci::parse_config(written);
  CHECK(again.has_value());
  CHECK(oci::write_config(*again) == written);
  Status status = oci::check(*config);
  CHECK(oci::check(*again).has_value() == status.has_value());
  if (!status.has_value()) {
    CHECK(status.error().message == oci::check(*again).error().message);
    CHECK(status.error().message.contains(": "));
    return;
  }
  // What the check lets through keeps its word.
  CHECK(config->root.has_value() && !config->root->path.empty());
  if (config->process.has_value()) CHECK(config->process->cwd.starts_with('/'));
  if (!config->linux_.has_value()) return;
  for (const auto& [key, value] : config->linux_->sysctl) {
    Result<oci::Sysctl> sysctl = oci::parse_sysctl(key);
    CHECK(sysctl.has_value());
    CHECK(!sysctl->path.starts_with('/') && !("/" + sysctl->path + "/").contains("/../"));
  }
}

void check_process(std::string_view text) {
  Result<oci::Process> process = oci::parse_process(text);
  if (!process.has_value() || !oci::check_process(*process).has_value()) return;
  CHECK(!process->args.empty() && !process->args[0].empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_config(text);
  check_process(text);
  return 0;
}
