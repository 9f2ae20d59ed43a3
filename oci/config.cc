// SPDX-License-Identifier: Apache-2.0
#include "oci/config.h"

namespace crunlite::oci {

Result<Config> parse_config(std::string_view text) { return json::decode_text<Config>(text); }

Result<Process> parse_process(std::string_view text) { return json::decode_text<Process>(text); }

std::string write_config(const Config& config) {
  return json::write(json::encode(config), json::Style::kIndented) + "\n";
}

}  // namespace crunlite::oci
