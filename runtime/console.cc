// SPDX-License-Identifier: Apache-2.0
#include "runtime/console.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/path.h"
#include "base/sys.h"
#include "namespaces/mounts.h"

namespace crunlite::runtime {
namespace {

Status set_modes(const Console& console, const std::optional<oci::ConsoleSize>& size) {
  struct termios modes = TRY(sys::tcgetattr(console.slave.get()), "terminal");
  modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  TRY(sys::tcsetattr(console.slave.get(), modes), "terminal");
  if (!size.has_value()) return {};
  struct winsize window{};
  window.ws_row = size->height;
  window.ws_col = size->width;
  return in_context(sys::set_window_size(console.master.get(), window), "process.consoleSize");
}

Result<UniqueFd> open_console_file(int root) {
  DirFd dev = TRY(make_dirs_in_root(root, "/dev", 0755));
  Result<UniqueFd> made =
      sys::openat(dev.get(), "console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0600);
  if (!made.has_value() && made.error().kind != Kind::kExists) return made;
  UniqueFd file = TRY(sys::openat(dev.get(), "console", O_PATH | O_NOFOLLOW));
  const struct stat info = TRY(sys::fstat(file.get()));
  if (S_ISLNK(info.st_mode)) return fail(Kind::kInvalid, "is a symbolic link");
  return file;
}

}  // namespace

Result<Console> open_console(int root, const std::optional<oci::ConsoleSize>& size) {
  Console console;
  console.master = TRY(open_in_root(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY),
                       "process.terminal: /dev/pts/ptmx");
  if (TRY(sys::file_system_magic(console.master.get())) != DEVPTS_SUPER_MAGIC) {
    return fail(Kind::kInvalid, "process.terminal: /dev/pts of the container is no devpts");
  }
  TRY(sys::unlock_pty(console.master.get()), "process.terminal");
  console.slave = TRY(sys::pty_peer(console.master.get(), O_RDWR | O_NOCTTY), "process.terminal");
  TRY(set_modes(console, size));
  return console;
}

Status bind_console(int root, int slave) {
  UniqueFd target = TRY(open_console_file(root), "/dev/console");
  MountFd copy = TRY(sys::open_tree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH), "/dev/console");
  return in_context(namespaces::attach_on(target.get(), copy.get()), "/dev/console");
}

Status take_console(int slave, uid_t uid) {
  TRY(sys::set_controlling_terminal(slave), "process.terminal");
  for (int fd = 0; fd <= 2; fd++) TRY(sys::dup3(slave, fd, 0), "process.terminal");
  // The program's user must be able to open its terminal again; in a user namespace without that
  // user the kernel refuses, and it works as it is.
  (void)sys::fchownat(slave, "", uid, static_cast<gid_t>(-1), AT_EMPTY_PATH);
  return {};
}

void follow_window_size(int master) {
  const Result<struct winsize> size = sys::window_size(STDIN_FILENO);
  if (size.has_value()) (void)sys::set_window_size(master, *size);  // its program may have ended
}

Status send_console(const std::string& socket_path, int master) {
  UniqueFd socket = TRY(sys::socket(AF_UNIX, SOCK_STREAM, 0), "--console-socket");
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A path longer than sun_path is reached through its directory's descriptor.
  const SplitPath path = split_path(socket_path);
  const std::string parent = path.parent.empty() ? "." : path.parent;
  DirFd dir =
      TRY(sys::open(parent.c_str(), O_PATH | O_DIRECTORY), "--console-socket ", socket_path);
  const std::string name = cat("/proc/self/fd/", dir.get(), "/", path.name);
  if (name.size() >= sizeof address.sun_path) {
    return fail(Kind::kInvalid, "--console-socket ", socket_path, ": name is too long");
  }
  memcpy(address.sun_path, name.c_str(), name.size() + 1);
  TRY(sys::connect(socket.get(), reinterpret_cast<const struct sockaddr*>(&address),
                   sizeof address),
      "--console-socket ", socket_path);
  return in_context(sys::send_with_fd(socket.get(), "/dev/ptmx", master), "--console-socket ",
                    socket_path);
}

}  // namespace crunlite::runtime
