// SPDX-License-Identifier: Apache-2.0
#include "runtime/criu.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "runtime/self.h"
#include "runtime/sync.h"

namespace crunlite::runtime {
namespace {

constexpr int kFailedStatus = 125;
constexpr size_t kReplyBytes = size_t{1} << 18;
constexpr CriuVersion kOldest = {.major = 3, .minor = 17};
constexpr CriuVersion kOldestForNewKernels = {.major = 4, .minor = 2};
constexpr const char* kUsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string search_path() {
  const char* path = ::getenv("PATH");
  return path != nullptr && path[0] != '\0' ? path : kUsualPath;
}

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

// It runs tar(1) and ip(8) by name.
std::vector<std::string> environment_for_criu() {
  std::vector<std::string> env = own_environment();
  std::erase_if(env, [](const std::string& entry) { return entry.starts_with("PATH="); });
  env.push_back(cat("PATH=", search_path()));
  return env;
}

// Major and minor number of a kernel's release.
CriuVersion parse_release(std::string_view release) {
  const size_t dot = release.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view rest = release.substr(dot + 1);
  const size_t end = std::min(rest.find_first_not_of("0123456789"), rest.size());
  return {.major = parse_number<int>(release.substr(0, dot)).value_or(0),
          .minor = parse_number<int>(rest.substr(0, end)).value_or(0)};
}

// The child's side of a start.
Status execute(const std::string& program, int socket, std::vector<int> kept,
               const std::function<Status()>& prepare) {
  // What `prepare` mounts may hide it. And the processes that it restores are it at first: who sees
  // them in a pid namespace that is joined must not be able to write it (CVE-2019-5736).
  MountFd file = TRY(sys::open_tree(AT_FDCWD, program.c_str(), OPEN_TREE_CLONE));
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  TRY(sys::mount_setattr(file.get(), "", AT_EMPTY_PATH, attributes));
  sigset_t none;
  sigemptyset(&none);
  TRY(sys::sigprocmask(SIG_SETMASK, none));
  if (prepare) TRY(prepare());
  kept.push_back(socket);
  for (int fd : kept) TRY(sys::set_cloexec(fd, false));
  const std::vector<std::string> args = {"criu", "swrk", cat(socket)};
  return sys::execveat(file.get(), args, environment_for_criu());
}

}  // namespace

Result<std::string> find_criu(const std::string& wanted) {
  std::vector<std::string> places;
  if (!wanted.empty()) {
    if (wanted.contains('/')) {
      if (is_program(wanted)) return wanted;
      return fail(Kind::kUnavailable, "--criu ", quote(wanted), ": is no program");
    }
  } else {
    places.push_back(cat(split_path(TRY(own_program_path())).parent, "/../libexec/crun-lite/criu"));
  }
  const std::string path = search_path();
  for (std::string_view dir : split(path, ':')) {
    if (dir.starts_with('/')) places.push_back(cat(dir, "/", wanted.empty() ? "criu" : wanted));
  }
  const auto found = std::find_if(places.begin(), places.end(), is_program);
  if (found != places.end()) return *found;
  return fail(Kind::kUnavailable, "the program criu is not installed");
}

Status check_criu_version(CriuVersion version, std::string_view kernel_release) {
  constexpr CriuVersion kNewVdso = {.major = 6, .minor = 13};
  const bool is_new_kernel = parse_release(kernel_release) >= kNewVdso;
  const CriuVersion needed = is_new_kernel ? kOldestForNewKernels : kOldest;
  if (version >= needed) return {};
  return fail(Kind::kUnavailable, "criu ", version.major, ".", version.minor,
              " is too old for kernel ", kernel_release, ", which needs ", needed.major, ".",
              needed.minor, " or later");
}

Result<CriuService> CriuService::start(const std::string& program, std::vector<int> pass_fds,
                                       const std::function<Status()>& prepare) {
  sys::SocketPair sockets = TRY(sys::socketpair(SOCK_SEQPACKET));
  ChannelPair channels = TRY(make_channel_pair());
  sys::Cloned cloned = TRY(sys::clone3({}), "clone a process for criu");
  if (cloned.pid == 0) {
    sockets.first.reset();
    channels.parent.close();
    Status failed = execute(program, sockets.second.get(), std::move(pass_fds), prepare);
    if (!failed.has_value()) (void)channels.child.send_failure(failed.error());  // nobody else left
    sys::exit_child(kFailedStatus);
  }
  CriuService service(Child(cloned.pid, std::move(cloned.pidfd)), std::move(sockets.first));
  sockets.second.reset();
  channels.child.close();
  TRY(channels.parent.expect_end(-1), program);
  TRY(service.check_version(), program);
  return service;
}

Status CriuService::check_version() {
  TRY(sys::send_with_fd(socket_.get(), encode_version_request(), -1));
  UniqueFd none;
  const CriuReply reply = TRY(receive(none));
  struct utsname kernel{};
  (void)::uname(&kernel);  // fails for bad pointers only
  if (!reply.is(CriuRequest::kVersion)) return fail(Kind::kSystem, "does not tell its version");
  return check_criu_version(reply.version, kernel.release);
}

Result<CriuReply> CriuService::ask(CriuRequest type, const CriuOptions& options,
                                   const CriuListener& listener) {
  TRY(sys::send_with_fd(socket_.get(), encode_request(type, options), -1), "criu");
  std::optional<Error> own;  // of the listener: what CRIU then says only follows from it
  for (;;) {
    CriuEvent event;
    Result<CriuReply> reply = receive(event.fd);
    if (!reply.has_value()) return std::unexpected(own.value_or(std::move(reply).error()));
    if (!reply->is(CriuRequest::kNotify)) {
      if (reply->is_success) {
        socket_.reset();                         // without requests it ends, in good order
        (void)child_.wait(limits::kKillWaitMs);  // killed after that
        return reply;
      }
      if (own.has_value()) return std::unexpected(std::move(*own));
      return std::unexpected(
          Error{.kind = Kind::kSystem, .errnum = reply->errnum, .message = reply->message});
    }
    event.script = reply->script;
    event.pid = reply->pid;
    Status done = listener(event);
    if (!done.has_value()) own = std::move(done).error();
    TRY(sys::send_with_fd(socket_.get(), encode_notify_reply(!own.has_value()), -1), "criu");
  }
}

Result<CriuReply> CriuService::receive(UniqueFd& fd) {
  std::string buffer(kReplyBytes, '\0');
  Result<sys::Received> got = sys::receive_with_fd(socket_.get(), buffer);
  // It ended without having read what it was sent.
  if (!got.has_value() && got.error().errnum == ECONNRESET) got.emplace();
  sys::Received received = TRY(std::move(got), "criu");
  if (received.length == 0) {
    const std::optional<ExitStatus> end = TRY(child_.wait()).value_or(ExitStatus());
    return fail(Kind::kSystem, "criu ended with ", end->signal != 0 ? "signal " : "status ",
                end->signal != 0 ? end->signal : end->code);
  }
  fd = std::move(received.fd);
  return decode_reply(std::string_view(buffer).substr(0, received.length));
}

std::string last_errors(std::string_view log) {
  constexpr std::string_view kError = " Error (";
  constexpr size_t kMost = 3;
  std::vector<std::string> found;
  for (std::string_view line : split(log, '\n')) {
    const size_t error = line.find(kError);
    if (error == std::string_view::npos) continue;
    const size_t place = line.find("): ", error + kError.size());
    if (place == std::string_view::npos) continue;
    std::string text(trim(line.substr(place + 3)));
    if (text.ends_with(" FAILED.")) continue;  // all of it has, which is known
    // Names of files that a container has made may stand in it.
    for (char& c : text) c = static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
    found.push_back(std::move(text));
  }
  if (found.size() > kMost) found.erase(found.begin(), found.end() - kMost);
  return join(found, "; ");
}

}  // namespace crunlite::runtime
