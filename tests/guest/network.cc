// SPDX-License-Identifier: Apache-2.0
// Verbs about sockets and interfaces.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/guest/verbs.h"

namespace crunlite::guest {
namespace {

UniqueFd new_socket(int family, int type) { return UniqueFd(::socket(family, type, 0)); }

// Interfaces as "name flags": the loopback that is up is "lo 73".
int report_links(const Call& call) {
  UniqueFd control = new_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC);
  std::vector<std::string> list;
  struct if_nameindex* all = ::if_nameindex();
  for (struct if_nameindex* item = all; item != nullptr && item->if_index != 0; item++) {
    struct ifreq request{};
    std::string_view name = item->if_name;
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    (void)::ioctl(control.get(), SIOCGIFFLAGS, &request);
    list.push_back(cat(name, " ", request.ifr_flags));
  }
  if (all != nullptr) ::if_freenameindex(all);
  Line(call).texts("list", list).write();
  return kGoOn;
}

// Listens on 127.0.0.1, connects to it, and sends a byte through.
int use_loopback(const Call& call) {
  struct sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* name = reinterpret_cast<struct sockaddr*>(&address);
  socklen_t length = sizeof address;
  UniqueFd listener = new_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
  UniqueFd client = new_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
  long result = ::bind(listener.get(), name, length);
  if (result == 0) result = ::listen(listener.get(), 1);
  if (result == 0) result = ::getsockname(listener.get(), name, &length);
  if (result == 0) result = ::connect(client.get(), name, length);
  if (result == 0) result = ::write(client.get(), "x", 1);
  Line(call).outcome(result).write();
  return kGoOn;
}

bool unix_address(struct sockaddr_un& address, std::string_view path) {
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  path.copy(address.sun_path, path.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  return true;
}

// `notify STATE`: to $NOTIFY_SOCKET, as services tell their manager.
int notify(const Call& call) {
  const char* path = ::getenv("NOTIFY_SOCKET");
  struct sockaddr_un address{};
  long result = -1;
  errno = ENOENT;
  if (path != nullptr && unix_address(address, path)) {
    UniqueFd socket = new_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC);
    result = ::sendto(socket.get(), call.text(0), strlen(call.text(0)), 0,
                      reinterpret_cast<struct sockaddr*>(&address), sizeof address);
  }
  Line(call).outcome(result).text("path", path != nullptr ? path : "").write();
  return kGoOn;
}

// What socket activation says, and whether the descriptors it promises are there.
int report_listen_fds(const Call& call) {
  Line line(call);
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) {
    const char* value = ::getenv(name);
    line.text(name, value != nullptr ? value : "(unset)");
  }
  const char* text = ::getenv("LISTEN_FDS");
  int count = parse_number<int>(text != nullptr ? text : "").value_or(0);
  bool sockets = true;
  for (int fd = 3; fd < 3 + count; fd++) {
    struct stat info{};
    sockets = sockets && ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
  }
  line.flag("sockets", sockets).number("pid", ::getpid()).write();
  return kGoOn;
}

int report_abstract_sockets(const Call& call) {
  std::string table = slurp("/proc/net/unix");
  std::vector<std::string> list;
  for (std::string_view row : split(table, '\n')) {
    size_t at = row.find('@');
    if (at != std::string_view::npos) list.emplace_back(row.substr(at));
  }
  Line(call).texts("list", list).write();
  return kGoOn;
}

constexpr Verb kVerbs[] = {
    {"links", report_links, "network interfaces and their flags"},
    {"loopback", use_loopback, "talks to itself over 127.0.0.1"},
    {"notify", notify, "STATE: to $NOTIFY_SOCKET"},
    {"listen_fds", report_listen_fds, "what socket activation promises"},
    {"abstract", report_abstract_sockets, "abstract unix sockets that are seen"},
};

}  // namespace

std::span<const Verb> network_verbs() { return kVerbs; }

}  // namespace crunlite::guest
