// SPDX-License-Identifier: Apache-2.0
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <memory>

extern "C" {  // which glibc 2.36 forgets in this header
#include <sys/pidfd.h>
}

#ifdef CRUNLITE_COVERAGE
extern "C" void __gcov_dump(void);
#endif

namespace crunlite::sys {
namespace {

Kind kind_of(int errnum) {
  switch (errnum) {
    case ENOENT: return Kind::kNotFound;
    case EEXIST: return Kind::kExists;
    case EPERM:
    case EACCES: return Kind::kDenied;
    case ENOSYS:
    case EOPNOTSUPP: return Kind::kUnavailable;
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT: return Kind::kLimit;
    default: return Kind::kSystem;
  }
}

std::unexpected<Error> last_error() { return std::unexpected(error_of(errno)); }

// Retries EINTR; use only for calls that may be repeated.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

template <class T>
Status status_of(T result) {
  if (result < 0) return last_error();
  return {};
}

Result<UniqueFd> fd_of(long result) {
  if (result < 0) return last_error();
  return UniqueFd(static_cast<int>(result));
}

Result<size_t> size_of(ssize_t result) {
  if (result < 0) return last_error();
  return static_cast<size_t>(result);
}

std::vector<char*> c_strings(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // execve does not write through these pointers; its declaration is older than const.
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::string errno_text(int errnum) {
  char buffer[128];
  return strerror_r(errnum, buffer, sizeof buffer);
}

Error error_of(int errnum) {
  return {.kind = kind_of(errnum), .errnum = errnum, .message = errno_text(errnum)};
}

Result<UniqueFd> open(const char* path, int flags, mode_t mode) {
  return openat(AT_FDCWD, path, flags, mode);
}

Result<UniqueFd> openat(int dir, const char* path, int flags, mode_t mode) {
  return fd_of(retry([&] { return ::openat(dir, path, flags | O_CLOEXEC, mode); }));
}

Result<UniqueFd> openat2(int dir, const char* path, uint64_t flags, uint64_t resolve, mode_t mode) {
  struct open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  // EAGAIN: a rename raced with the look-up beneath the directory; the kernel asks to try again,
  // and an attacker who renames for ever must not hold us for ever.
  constexpr int kMaxTries = 1000;
  long fd = -1;
  for (int i = 0; i < kMaxTries; i++) {
    fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd_of(fd);
}

Result<size_t> read(int fd, std::span<char> buffer) {
  return size_of(retry([&] { return ::read(fd, buffer.data(), buffer.size()); }));
}

Result<size_t> write(int fd, std::string_view data) {
  return size_of(retry([&] { return ::write(fd, data.data(), data.size()); }));
}

Result<size_t> pread(int fd, std::span<char> buffer, off_t offset) {
  return size_of(retry([&] { return ::pread(fd, buffer.data(), buffer.size(), offset); }));
}

Status write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    size_t written = TRY(sys::write(fd, data));
    if (written == 0) return std::unexpected(error_of(EIO));  // would be tried for ever
    data.remove_prefix(written);
  }
  return {};
}

Status mkdirat(int dir, const char* path, mode_t mode) {
  return status_of(::mkdirat(dir, path, mode));
}

Status mknodat(int dir, const char* path, mode_t mode, dev_t device) {
  return status_of(::mknodat(dir, path, mode, device));
}

Status symlinkat(const char* target, int dir, const char* path) {
  return status_of(::symlinkat(target, dir, path));
}

Status linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  return status_of(::linkat(from_dir, from, to_dir, to, flags));
}

Status unlinkat(int dir, const char* path, int flags) {
  return status_of(::unlinkat(dir, path, flags));
}

Status renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return status_of(::renameat2(from_dir, from, to_dir, to, flags));
}

Result<std::string> readlinkat(int dir, const char* path) {
  std::string target(PATH_MAX, '\0');
  target.resize(TRY(size_of(::readlinkat(dir, path, target.data(), target.size()))));
  return target;
}

Result<struct stat> fstat(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) < 0) return last_error();
  return info;
}

Result<struct stat> fstatat(int dir, const char* path, int flags) {
  struct stat info{};
  if (::fstatat(dir, path, &info, flags) < 0) return last_error();
  return info;
}

Result<uint32_t> file_system_magic(int fd) {
  struct statfs info{};
  if (retry([&] { return ::fstatfs(fd, &info); }) < 0) return last_error();
  return static_cast<uint32_t>(info.f_type);
}

Status fchmod(int fd, mode_t mode) { return status_of(::fchmod(fd, mode)); }

Status fchmodat(int dir, const char* path, mode_t mode) {
  return status_of(::fchmodat(dir, path, mode, 0));
}

Status fchownat(int dir, const char* path, uid_t uid, gid_t gid, int flags) {
  return status_of(::fchownat(dir, path, uid, gid, flags));
}

Status utimensat(int dir, const char* path, const struct timespec times[2], int flags) {
  return status_of(::utimensat(dir, path, times, flags));
}

Status fsetxattr(int fd, const char* name, std::string_view value) {
  return status_of(::fsetxattr(fd, name, value.data(), value.size(), 0));
}

Status ftruncate(int fd, off_t size) {
  return status_of(retry([&] { return ::ftruncate(fd, size); }));
}

Status fsync(int fd) {
  return status_of(retry([&] { return ::fsync(fd); }));
}

Status syncfs(int fd) { return status_of(::syncfs(fd)); }

Status flock(int fd, int operation) {
  return status_of(retry([&] { return ::flock(fd, operation); }));
}

Result<UniqueFd> dup_cloexec(int fd) { return fd_of(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

Status dup3(int fd, int to, int flags) {
  return status_of(retry([&] { return ::dup3(fd, to, flags); }));
}

Status set_cloexec(int fd, bool on) { return status_of(::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0)); }

Status set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return last_error();
  return status_of(::fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

Status close_range(unsigned first, unsigned last, int flags) {
  return status_of(::close_range(first, last, flags));
}

Result<UniqueFd> memfd_create(const char* name, unsigned flags) {
  return fd_of(::memfd_create(name, flags | MFD_CLOEXEC));
}

Result<std::string> getcwd() {
  // glibc's searches upwards from a directory outside of the root, and takes it for one inside when
  // it passes another mount of the root on its way. The kernel knows.
  std::string path(PATH_MAX, '\0');
  path.resize(TRY(size_of(syscall(SYS_getcwd, path.data(), path.size()))));
  path.pop_back();  // the NUL is counted
  if (!path.starts_with('/')) return std::unexpected(error_of(ENOENT));
  return path;
}

Status chdir(const char* path) { return status_of(::chdir(path)); }
Status fchdir(int fd) { return status_of(::fchdir(fd)); }

Result<std::vector<DirEntry>> list_dir(int dir) {
  struct Header {  // linux_dirent64, whose name member has no declared size
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    unsigned char type;
  };
  constexpr size_t kNameOffset = 19;
  if (::lseek(dir, 0, SEEK_SET) < 0) return last_error();
  std::vector<DirEntry> entries;
  std::array<char, 32768> buffer;
  for (;;) {
    size_t length = TRY(size_of(::getdents64(dir, buffer.data(), buffer.size())));
    if (length == 0) return entries;
    for (size_t at = 0; at < length;) {
      Header header{};
      memcpy(&header, &buffer[at], kNameOffset);
      std::string name(&buffer[at + kNameOffset]);
      at += header.length;
      if (name != "." && name != "..") entries.push_back({std::move(name), header.type});
    }
  }
}

Result<Pipe> pipe2(int flags) {
  int ends[2];
  if (::pipe2(ends, flags | O_CLOEXEC) < 0) return last_error();
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<SocketPair> socketpair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) return last_error();
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> socket(int domain, int type, int protocol) {
  return fd_of(::socket(domain, type | SOCK_CLOEXEC, protocol));
}

Status bind(int fd, const struct sockaddr* address, socklen_t length) {
  return status_of(::bind(fd, address, length));
}

Status listen(int fd, int backlog) { return status_of(::listen(fd, backlog)); }

Result<UniqueFd> accept4(int fd, int flags) {
  return fd_of(retry([&] { return ::accept4(fd, nullptr, nullptr, flags | SOCK_CLOEXEC); }));
}

Status connect(int fd, const struct sockaddr* address, socklen_t length) {
  return status_of(::connect(fd, address, length));
}

Status send_with_fd(int socket, std::string_view data, int fd) {
  // The kernel does not write through iov_base here; its declaration serves reading too.
  struct iovec part = {const_cast<char*>(data.data()), data.size()};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  return status_of(retry([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }));
}

Result<Received> receive_with_fd(int socket, std::span<char> buffer) {
  struct iovec part = {buffer.data(), buffer.size()};
  constexpr size_t kMaxFds = 8;
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)];
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  Received received;
  received.length =
      TRY(size_of(retry([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); })));
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      UniqueFd owned(fd);
      if (!received.fd.is_open()) received.fd = std::move(owned);
    }
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return fail(Kind::kLimit, "message is longer than ", buffer.size(), " bytes");
  }
  return received;
}

Status set_interface_flags(int socket, const struct ifreq& request) {
  struct ifreq copy = request;
  return status_of(::ioctl(socket, SIOCSIFFLAGS, &copy));
}

Result<struct ucred> peer_credentials(int socket) {
  struct ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return last_error();
  return credentials;
}

Result<bool> wait_ready(int fd, short events, int timeout_ms) {
  int64_t deadline = monotonic_ms() + timeout_ms;
  for (;;) {
    struct pollfd item = {fd, events, 0};
    int64_t left = timeout_ms < 0 ? -1 : std::max<int64_t>(0, deadline - monotonic_ms());
    int ready = ::poll(&item, 1, static_cast<int>(left));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return last_error();
  }
}

Result<UniqueFd> signalfd(const sigset_t& mask) {
  return fd_of(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
}

Status sigprocmask(int how, const sigset_t& set) {
  return status_of(::sigprocmask(how, &set, nullptr));
}

Result<Cloned> clone3(const Clone3& options) {
  int pidfd = -1;
  struct clone_args args{};
  args.flags = options.flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (options.cgroup_fd >= 0) args.cgroup = static_cast<uint64_t>(options.cgroup_fd);
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return last_error();
  return Cloned{static_cast<pid_t>(pid), UniqueFd(pid == 0 ? -1 : pidfd)};
}

Result<pid_t> clone_vfork(int (*run)(void*), void* argument) {
  constexpr size_t kStackBytes = 128 << 10;
  constexpr size_t kStackAlignment = 16;
  // Uninitialized: only what is used costs memory.
  const std::unique_ptr<char[]> stack(new char[kStackBytes + kStackAlignment]);
  auto top = reinterpret_cast<uintptr_t>(stack.get()) + kStackBytes + kStackAlignment;
  top -= top % kStackAlignment;  // it grows downwards
  const int pid =
      ::clone(run, reinterpret_cast<void*>(top), CLONE_VM | CLONE_VFORK | SIGCHLD, argument);
  if (pid < 0) return last_error();
  return pid;
}

Result<UniqueFd> pidfd_open(pid_t pid) { return fd_of(::pidfd_open(pid, 0)); }

Status pidfd_send_signal(int pidfd, int signal) {
  return status_of(::pidfd_send_signal(pidfd, signal, nullptr, 0));
}

Status pidfd_queue_signal(int pidfd, int signal, int value) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = value;
  return status_of(::pidfd_send_signal(pidfd, signal, &info, 0));
}

Result<siginfo_t> waitid(int pidfd, int options) {
  siginfo_t info{};
  if (retry([&] { return ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, options); }) < 0) {
    return last_error();
  }
  return info;
}

Status kill(pid_t pid, int signal) { return status_of(::kill(pid, signal)); }

Status execve(const char* path, const std::vector<std::string>& args,
              const std::vector<std::string>& env) {
  return status_of(::execve(path, c_strings(args).data(), c_strings(env).data()));
}

Status execveat(int fd, const std::vector<std::string>& args, const std::vector<std::string>& env) {
  return status_of(
      syscall(SYS_execveat, fd, "", c_strings(args).data(), c_strings(env).data(), AT_EMPTY_PATH));
}

Status setns(int fd, int kind) { return status_of(::setns(fd, kind)); }
Status unshare(int flags) { return status_of(::unshare(flags)); }

Status prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return status_of(::prctl(option, a, b, c, d));
}

Result<int> prctl_value(int option, unsigned long a) {
  int value = ::prctl(option, a, 0, 0, 0);
  if (value < 0) return last_error();
  return value;
}

// glibc's set*id and setgroups signal other threads; ours change the calling thread, and the
// programs that use them have one.
Status setresuid(uid_t uid) { return status_of(syscall(SYS_setresuid, uid, uid, uid)); }
Status setresgid(gid_t gid) { return status_of(syscall(SYS_setresgid, gid, gid, gid)); }

Status setgroups(const std::vector<gid_t>& groups) {
  return status_of(syscall(SYS_setgroups, groups.size(), groups.data()));
}

Status setrlimit(int resource, const struct rlimit& limit) {
  return status_of(::setrlimit(static_cast<__rlimit_resource>(resource), &limit));
}

Result<struct rlimit> getrlimit(int resource) {
  struct rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) < 0) return last_error();
  return limit;
}

Status sethostname(std::string_view name) {
  return status_of(::sethostname(name.data(), name.size()));
}

Status setdomainname(std::string_view name) {
  return status_of(::setdomainname(name.data(), name.size()));
}

Status setsid() { return status_of(::setsid()); }
Status chroot(const char* path) { return status_of(::chroot(path)); }

Status join_session_keyring(const std::string& name) {
  return status_of(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str()));
}

Status seccomp_set_filter(std::string_view program, unsigned flags) {
  std::vector<struct sock_filter> filter(program.size() / sizeof(struct sock_filter));
  memcpy(filter.data(), program.data(), filter.size() * sizeof(struct sock_filter));
  struct sock_fprog fprog = {static_cast<unsigned short>(filter.size()), filter.data()};
  return status_of(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog));
}

Result<UniqueFd> fsopen(const char* type) { return fd_of(::fsopen(type, FSOPEN_CLOEXEC)); }

Status fsconfig_flag(int fs, const char* key) {
  return status_of(::fsconfig(fs, FSCONFIG_SET_FLAG, key, nullptr, 0));
}

Status fsconfig_string(int fs, const char* key, const char* value) {
  return status_of(::fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0));
}

Status fsconfig_fd(int fs, const char* key, int fd) {
  return status_of(::fsconfig(fs, FSCONFIG_SET_FD, key, nullptr, fd));
}

Status fsconfig_create(int fs) {
  return status_of(::fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
}

Result<MountFd> fsmount(int fs, unsigned attributes) {
  return fd_of(::fsmount(fs, FSMOUNT_CLOEXEC, attributes));
}

std::string fs_log(int fs) {
  std::array<char, 1024> buffer;
  ssize_t length = ::read(fs, buffer.data(), buffer.size());
  if (length <= 2) return {};
  // Each line starts with its level: "e ", "w " or "i ".
  return std::string(trim(std::string_view(&buffer[2], static_cast<size_t>(length) - 2)));
}

Result<MountFd> open_tree(int dir, const char* path, unsigned flags) {
  return fd_of(::open_tree(dir, path, flags | OPEN_TREE_CLOEXEC));
}

Status move_mount(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return status_of(::move_mount(from_dir, from, to_dir, to, flags));
}

Status mount_setattr(int dir, const char* path, unsigned flags,
                     const struct mount_attr& attributes) {
  struct mount_attr copy = attributes;
  return status_of(::mount_setattr(dir, path, flags, &copy, sizeof copy));
}

Status mount(const char* source, const char* target, const char* type, unsigned long flags,
             const char* data) {
  return status_of(::mount(source, target, type, flags, data));
}

Status umount2(const char* target, int flags) { return status_of(::umount2(target, flags)); }

Status pivot_root(const char* new_root, const char* put_old) {
  return status_of(syscall(SYS_pivot_root, new_root, put_old));
}

Status set_controlling_terminal(int fd) { return status_of(::ioctl(fd, TIOCSCTTY, 0)); }

Result<struct winsize> window_size(int fd) {
  struct winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) < 0) return last_error();
  return size;
}

Status set_window_size(int fd, const struct winsize& size) {
  return status_of(::ioctl(fd, TIOCSWINSZ, &size));
}

Result<struct termios> tcgetattr(int fd) {
  struct termios attributes{};
  if (::tcgetattr(fd, &attributes) < 0) return last_error();
  return attributes;
}

Status tcsetattr(int fd, const struct termios& attributes) {
  return status_of(retry([&] { return ::tcsetattr(fd, TCSANOW, &attributes); }));
}

Result<UniqueFd> pty_peer(int master, int flags) {
  return fd_of(::ioctl(master, TIOCGPTPEER, flags | O_CLOEXEC));
}

Status unlock_pty(int master) {
  int locked = 0;
  return status_of(::ioctl(master, TIOCSPTLCK, &locked));
}

int64_t monotonic_ms() {
  struct timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1'000'000;
}

void exit_child(int status) noexcept {
#ifdef CRUNLITE_COVERAGE
  __gcov_dump();
#endif
  ::_exit(status);
}

}  // namespace crunlite::sys
