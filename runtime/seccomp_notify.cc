// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp_notify.h"

#include <string.h>
#include <sys/un.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/sys_seccomp.h"

namespace crunlite::runtime {

Result<UniqueFd> connect_to_agent(const oci::Seccomp& profile) {
  if (!oci::asks_listener(profile)) return UniqueFd();
  constexpr std::string_view kField = "linux.seccomp.listenerPath";
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = profile.listener_path;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Kind::kLimit, kField, ": ", quote(path), " is longer than ",
                sizeof address.sun_path - 1, " bytes");
  }
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket = TRY(sys::socket(AF_UNIX, SOCK_STREAM, 0), kField);
  TRY(sys::connect(socket.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address),
      kField, ": connect to ", quote(path));
  return socket;
}

std::string agent_message(const oci::State& state, pid_t pid, const std::string& metadata) {
  oci::ContainerProcessState message;
  message.oci_version = state.oci_version;
  message.fds = {"seccompFd"};
  message.pid = pid;
  message.metadata = metadata;
  message.state = state;
  return json::write(json::encode(message));
}

Status load_notifying_filter(const SeccompFilter& filter, const SeccompAgent& agent) {
  return in_context(sys::seccomp_set_notifying_filter(filter.program, filter.flags,
                                                      agent.socket.get(), agent.message),
                    "linux.seccomp: load with listenerPath");
}

}  // namespace crunlite::runtime
