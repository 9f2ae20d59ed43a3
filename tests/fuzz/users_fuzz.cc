// SPDX-License-Identifier: Apache-2.0
// User strings and hostile passwd and group texts. The input's lines before the first empty one are
// the user string and passwd; what follows is group.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "oci/users.h"

namespace oci = crunlite::oci;
using crunlite::Result;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view user = text.substr(0, text.find('\n'));
  std::string_view rest = text.substr(std::min(text.size(), user.size() + 1));
  size_t gap = rest.find("\n\n");
  oci::UserDatabase database;
  database.passwd = rest.substr(0, gap);
  if (gap != std::string_view::npos) database.group = rest.substr(gap + 2);

  Result<oci::ResolvedUser> resolved = oci::resolve_user(user, database);
  if (!resolved.has_value()) {
    CHECK(!resolved.error().message.empty());
    return 0;
  }
  CHECK(resolved->uid != UINT32_MAX && resolved->gid != UINT32_MAX);
  for (uint32_t gid : resolved->additional_gids) CHECK(gid != UINT32_MAX);
  // A number means itself and nothing else.
  std::string_view first = user.substr(0, user.find(':'));
  if (auto number = crunlite::parse_number<uint32_t>(first)) CHECK(resolved->uid == *number);
  if (user.contains(':')) CHECK(resolved->additional_gids.empty());
  return 0;
}
