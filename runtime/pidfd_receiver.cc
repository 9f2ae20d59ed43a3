// SPDX-License-Identifier: Apache-2.0
#include "runtime/pidfd_receiver.h"

#include <string.h>
#include <sys/un.h>

#include "base/sys.h"

namespace crunlite::runtime {

Status send_pidfd(const std::map<std::string, std::string>& annotations, int pidfd) {
  const auto found = annotations.find(kPidfdAnnotation);
  if (found == annotations.end() || found->second.empty()) return {};
  const std::string field = cat("annotations[\"", kPidfdAnnotation, "\"]");
  const std::string& path = found->second;
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Kind::kLimit, field, ": is longer than ", sizeof address.sun_path - 1, " bytes");
  }
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket = TRY(sys::socket(AF_UNIX, SOCK_STREAM, 0), field);
  TRY(sys::connect(socket.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address),
      field, ": connect to ", quote(path));
  return in_context(sys::send_with_fd(socket.get(), std::string_view("\0", 1), pidfd), field);
}

}  // namespace crunlite::runtime
