// SPDX-License-Identifier: Apache-2.0
// System calls as Results: the kernel's names and argument order, EINTR retried where the call may
// be, descriptors owned and close-on-exec from birth. Any thread. errno is read in sys.cc only.
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linux/openat2.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::sys {

// The Error of a failed call: kind by errno, message the kernel's text for it.
[[nodiscard]] Error error_of(int errnum);
[[nodiscard]] std::string errno_text(int errnum);

// Files. Paths are borrowed C strings, since the kernel wants them ended by NUL.
[[nodiscard]] Result<UniqueFd> open(const char* path, int flags, mode_t mode = 0);
[[nodiscard]] Result<UniqueFd> openat(int dir, const char* path, int flags, mode_t mode = 0);
[[nodiscard]] Result<UniqueFd> openat2(int dir, const char* path, uint64_t flags, uint64_t resolve,
                                       mode_t mode = 0);
[[nodiscard]] Result<size_t> read(int fd, std::span<char> buffer);
[[nodiscard]] Result<size_t> write(int fd, std::string_view data);
[[nodiscard]] Result<size_t> pread(int fd, std::span<char> buffer, off_t offset);
[[nodiscard]] Status write_all(int fd, std::string_view data);
[[nodiscard]] Status mkdirat(int dir, const char* path, mode_t mode);
[[nodiscard]] Status mknodat(int dir, const char* path, mode_t mode, dev_t device);
[[nodiscard]] Status symlinkat(const char* target, int dir, const char* path);
[[nodiscard]] Status linkat(int from_dir, const char* from, int to_dir, const char* to, int flags);
[[nodiscard]] Status unlinkat(int dir, const char* path, int flags);
[[nodiscard]] Status renameat2(int from_dir, const char* from, int to_dir, const char* to,
                               unsigned flags);
[[nodiscard]] Result<std::string> readlinkat(int dir, const char* path);
[[nodiscard]] Result<struct stat> fstat(int fd);
[[nodiscard]] Result<struct stat> fstatat(int dir, const char* path, int flags);
[[nodiscard]] Result<uint32_t> file_system_magic(int fd);  // statfs.f_type
[[nodiscard]] Status fchmod(int fd, mode_t mode);
[[nodiscard]] Status fchmodat(int dir, const char* path, mode_t mode);
[[nodiscard]] Status fchownat(int dir, const char* path, uid_t uid, gid_t gid, int flags);
[[nodiscard]] Status utimensat(int dir, const char* path, const struct timespec times[2],
                               int flags);
[[nodiscard]] Status fsetxattr(int fd, const char* name, std::string_view value);
[[nodiscard]] Status ftruncate(int fd, off_t size);
[[nodiscard]] Status fsync(int fd);
[[nodiscard]] Status syncfs(int fd);
[[nodiscard]] Status flock(int fd, int operation);  // waits, unless LOCK_NB
[[nodiscard]] Result<UniqueFd> dup_cloexec(int fd);
[[nodiscard]] Status dup3(int fd, int to, int flags);  // the new descriptor is not owned
[[nodiscard]] Status set_cloexec(int fd, bool on);
[[nodiscard]] Status set_nonblocking(int fd);  // of the open file, for all who share it
[[nodiscard]] Status close_range(unsigned first, unsigned last, int flags);
[[nodiscard]] Result<UniqueFd> memfd_create(const char* name, unsigned flags);
[[nodiscard]] Result<std::string> getcwd();  // ENOENT when it is outside of the root
[[nodiscard]] Status chdir(const char* path);
[[nodiscard]] Status fchdir(int fd);

// One entry of a directory.
struct DirEntry {
  std::string name;
  unsigned char type;  // DT_*
};
// All entries but "." and "..". Reads from the directory's start.
[[nodiscard]] Result<std::vector<DirEntry>> list_dir(int dir);

// Pipes, sockets, waiting.
struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
[[nodiscard]] Result<Pipe> pipe2(int flags = 0);
[[nodiscard]] Result<SocketPair> socketpair(int type);  // AF_UNIX
[[nodiscard]] Result<UniqueFd> socket(int domain, int type, int protocol);
[[nodiscard]] Status bind(int fd, const struct sockaddr* address, socklen_t length);
[[nodiscard]] Status listen(int fd, int backlog);
[[nodiscard]] Result<UniqueFd> accept4(int fd, int flags);
[[nodiscard]] Status connect(int fd, const struct sockaddr* address, socklen_t length);
// Sends one message with at most one descriptor (-1: none). Never raises SIGPIPE.
[[nodiscard]] Status send_with_fd(int socket, std::string_view data, int fd);
struct Received {
  size_t length = 0;  // 0: the peer has closed
  UniqueFd fd;        // -1 unless one came along; further ones are closed
};
// A message longer than the buffer is Kind::kLimit, and lost.
[[nodiscard]] Result<Received> receive_with_fd(int socket, std::span<char> buffer);
[[nodiscard]] Status set_interface_flags(int socket, const struct ifreq& request);
[[nodiscard]] Result<struct ucred> peer_credentials(int socket);
// True when the descriptor became ready for `events` before the time was over (-1: for ever).
[[nodiscard]] Result<bool> wait_ready(int fd, short events, int timeout_ms);
[[nodiscard]] Result<UniqueFd> signalfd(const sigset_t& mask);
[[nodiscard]] Status sigprocmask(int how, const sigset_t& set);

// Processes.
struct Clone3 {
  uint64_t flags = 0;
  int cgroup_fd = -1;    // with CLONE_INTO_CGROUP
  pid_t* pid = nullptr;  // of clone3_vfork: the pid stands there before the child begins
};
struct Cloned {
  pid_t pid = 0;  // 0 in the child
  UniqueFd pidfd;
};
// As fork, with a pidfd, in single-threaded programs only.
[[nodiscard]] Result<Cloned> clone3(const Clone3& options);
// As vfork: `run` is called in a child that shares our memory, while we wait until it executes a
// program or returns its exit status. The child has a table of descriptors of its own: what it
// closes stays open here, and what it opens is not ours. In single-threaded programs only. ENOSYS
// on processors other than x86-64.
[[nodiscard]] Result<Cloned> clone3_vfork(const Clone3& options, int (*run)(void*), void* argument);
// The same by clone(2), which seccomp filters let pass where they hide clone3(2).
[[nodiscard]] Result<pid_t> clone_vfork(int (*run)(void*), void* argument);
[[nodiscard]] Result<UniqueFd> pidfd_open(pid_t pid);
[[nodiscard]] Status pidfd_send_signal(int pidfd, int signal);
// With a value, as sigqueue(3): the receiver sees SI_QUEUE.
[[nodiscard]] Status pidfd_queue_signal(int pidfd, int signal, int value);
[[nodiscard]] Result<siginfo_t> waitid(int pidfd, int options);  // si_pid 0: nothing yet (WNOHANG)
[[nodiscard]] Status kill(pid_t pid, int signal);
[[nodiscard]] Status execve(const char* path, const std::vector<std::string>& args,
                            const std::vector<std::string>& env);
[[nodiscard]] Status execveat(int fd, const std::vector<std::string>& args,
                              const std::vector<std::string>& env);
[[nodiscard]] Status setns(int fd, int kind);
[[nodiscard]] Status unshare(int flags);
[[nodiscard]] Status prctl(int option, unsigned long a = 0, unsigned long b = 0,
                           unsigned long c = 0, unsigned long d = 0);
[[nodiscard]] Result<int> prctl_value(int option, unsigned long a = 0);
[[nodiscard]] Status setresuid(uid_t uid);
[[nodiscard]] Status setresgid(gid_t gid);
[[nodiscard]] Status setgroups(const std::vector<gid_t>& groups);
[[nodiscard]] Status setrlimit(int resource, const struct rlimit& limit);
[[nodiscard]] Result<struct rlimit> getrlimit(int resource);
[[nodiscard]] Status sethostname(std::string_view name);
[[nodiscard]] Status setdomainname(std::string_view name);
[[nodiscard]] Status setsid();
[[nodiscard]] Status chroot(const char* path);
[[nodiscard]] Status join_session_keyring(const std::string& name);  // keyctl(2)
// Installs a compiled filter (seccomp(2), SECCOMP_SET_MODE_FILTER): an array of sock_filter.
[[nodiscard]] Status seccomp_set_filter(std::string_view program, unsigned flags);

// Mounts.
[[nodiscard]] Result<UniqueFd> fsopen(const char* type);
[[nodiscard]] Status fsconfig_flag(int fs, const char* key);
[[nodiscard]] Status fsconfig_string(int fs, const char* key, const char* value);
[[nodiscard]] Status fsconfig_fd(int fs, const char* key, int fd);
[[nodiscard]] Status fsconfig_create(int fs);
[[nodiscard]] Result<MountFd> fsmount(int fs, unsigned attributes);
// What the kernel wrote about a failed fsopen context: "overlay: ...", or empty.
[[nodiscard]] std::string fs_log(int fs);
[[nodiscard]] Result<MountFd> open_tree(int dir, const char* path, unsigned flags);
[[nodiscard]] Status move_mount(int from_dir, const char* from, int to_dir, const char* to,
                                unsigned flags);
[[nodiscard]] Status mount_setattr(int dir, const char* path, unsigned flags,
                                   const struct mount_attr& attributes);
[[nodiscard]] Status mount(const char* source, const char* target, const char* type,
                           unsigned long flags, const char* data);
[[nodiscard]] Status umount2(const char* target, int flags);
[[nodiscard]] Status pivot_root(const char* new_root, const char* put_old);

// Terminals.
[[nodiscard]] Status set_controlling_terminal(int fd);
[[nodiscard]] Result<struct winsize> window_size(int fd);
[[nodiscard]] Status set_window_size(int fd, const struct winsize& size);
[[nodiscard]] Result<struct termios> tcgetattr(int fd);
[[nodiscard]] Status tcsetattr(int fd, const struct termios& attributes);
// The other end of a pseudo-terminal, by TIOCGPTPEER: no path is resolved.
[[nodiscard]] Result<UniqueFd> pty_peer(int master, int flags);
[[nodiscard]] Status unlock_pty(int master);

[[nodiscard]] int64_t monotonic_ms();

// Leaves the child of a clone; under coverage or sanitizers their data is written first.
[[noreturn]] void exit_child(int status) noexcept;

}  // namespace crunlite::sys
