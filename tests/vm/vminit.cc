// SPDX-License-Identifier: Apache-2.0
// The first process of the virtual machine: makes a root file system out of the host's files and a
// layer in memory, and then becomes systemd or the agent that runs the command.
//
//   vminit          process 1, in the initrd
//   vminit agent    the service below systemd
//   vminit tsc      on the host: prints the frequency of the time stamp counter in kHz
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "tests/vm/guest.h"

namespace crunlite::vm {
namespace {

constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
const std::string kRoot = "/new";     // becomes /
const std::string kLower = "/lower";  // the host's files
const std::string kCache = "/cache";  // the cache folder of vm-run

struct Mount {
  const char* source;
  std::string target;
  const char* type;
  unsigned long flags;
  const char* options;
};

void mount_or_give_up(const Mount& m) {
  mkdir(m.target.c_str(), 0755);  // may be there
  if (mount(m.source, m.target.c_str(), m.type, m.flags, m.options) != 0) {
    give_up("mount " + std::string(m.source) + " on " + m.target);
  }
}

void load_modules() {
  std::vector<std::string> names = names_in("/modules");
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    std::string path = "/modules/" + name;
    UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (syscall(SYS_finit_module, file.get(), "", 0) != 0 && errno != EEXIST) give_up(path);
  }
}

// The cache of a share that nobody writes to may be trusted blindly; the folder that is shared for
// writing changes on both sides.
void mount_share(const char* tag, const std::string& target, bool writable) {
  mount_or_give_up({tag, target, "9p", writable ? 0UL : static_cast<unsigned long>(MS_RDONLY),
                    writable
                        ? "trans=virtio,version=9p2000.L,msize=512000,access=any,cache=mmap"
                        : "trans=virtio,version=9p2000.L,msize=512000,access=any,cache=loose"});
}

void mount_root() {
  mount_share("root", kLower, false);
  mount_share("cache", kCache, false);
  mount_or_give_up({"tmpfs", "/layer", "tmpfs", 0, "mode=0755"});
  make_folders("/layer/upper");
  make_folders("/layer/work");
  mount_or_give_up({"overlay", kRoot, "overlay", 0,
                    "lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work"});
}

void mount_kernel_files() {
  const Mount mounts[] = {
      {"proc", kRoot + "/proc", "proc", kPlain, nullptr},
      {"sysfs", kRoot + "/sys", "sysfs", kPlain, nullptr},
      {"devtmpfs", kRoot + "/dev", "devtmpfs", MS_NOSUID, "mode=0755"},
      {"devpts", kRoot + "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
       "mode=620,gid=5,ptmxmode=666"},
      {"tmpfs", kRoot + "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
      {"mqueue", kRoot + "/dev/mqueue", "mqueue", kPlain, nullptr},
      {"tmpfs", kRoot + "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"},
      {"tmpfs", kRoot + "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
      {"tmpfs", kRoot + "/var/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
      {"tmpfs", kRoot + "/run/lock", "tmpfs", kPlain, "mode=1777"},
      {"cgroup2", kRoot + "/sys/fs/cgroup", "cgroup2", kPlain, "nsdelegate,memory_recursiveprot"},
      {"bpf", kRoot + "/sys/fs/bpf", "bpf", kPlain, "mode=0700"},
  };
  for (const Mount& m : mounts) mount_or_give_up(m);
}

void make_nodes() {
  const char* links[][2] = {{"/proc/self/fd", "/dev/fd"},
                            {"/proc/self/fd/0", "/dev/stdin"},
                            {"/proc/self/fd/1", "/dev/stdout"},
                            {"/proc/self/fd/2", "/dev/stderr"}};
  for (auto& [target, name] : links) {
    if (symlink(target, (kRoot + name).c_str()) != 0 && errno != EEXIST) give_up(name);
  }
  // Nodes whose drivers load when they are first opened; no udev makes them here.
  make_folders(kRoot + "/dev/net");
  mknod((kRoot + "/dev/net/tun").c_str(), S_IFCHR | 0666, makedev(10, 200));
  mknod((kRoot + "/dev/fuse").c_str(), S_IFCHR | 0666, makedev(10, 229));
  mknod((kRoot + "/dev/loop-control").c_str(), S_IFCHR | 0660, makedev(10, 237));
}

// Without systemd nobody else lets children have controllers.
void enable_controllers() {
  std::string folder = kRoot + "/sys/fs/cgroup/";
  std::string names = read_file(folder + "cgroup.controllers");
  for (size_t at = 0; at < names.size();) {
    size_t end = std::min(names.find_first_of(" \n", at), names.size());
    UniqueFd file(open((folder + "cgroup.subtree_control").c_str(), O_WRONLY | O_CLOEXEC));
    write_all(file.get(), "+" + names.substr(at, end - at));
    at = end + 1;
  }
}

void copy_run_files() {
  std::string to = kRoot + "/run/vm/";
  std::string from = kCache + "/" + kernel_argument("vm.run") + "/";
  make_folders(to);
  for (const char* name : {"command", "environment", "folder"}) {
    write_file(to + name, read_file(from + name));
  }
  write_file(to + "vminit", read_file("/init"), 0755);
}

void mount_modules() {
  std::string release = read_file("/proc/sys/kernel/osrelease");
  release.resize(release.find('\n'));
  std::string target = kRoot + "/lib/modules/" + release;
  std::string source = kCache + "/kernel/lib/modules/" + release;
  make_folders(target);
  mount_or_give_up({source.c_str(), target, "none", MS_BIND, nullptr});
}

void bring_loopback_up() {
  UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  memcpy(request.ifr_name, "lo", 3);
  if (ioctl(any.get(), SIOCGIFFLAGS, &request) != 0) give_up("flags of lo");
  request.ifr_flags |= IFF_UP;
  if (ioctl(any.get(), SIOCSIFFLAGS, &request) != 0) give_up("flags of lo");
}

void become_root() {
  if (chdir(kRoot.c_str()) != 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      chroot(".") != 0 || chdir("/") != 0) {
    give_up("switch to the root file system");
  }
}

[[noreturn]] void boot() {
  umask(0);
  mount_or_give_up({"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755"});
  mount_or_give_up({"proc", "/proc", "proc", kPlain, nullptr});
  load_modules();
  bool with_systemd = kernel_argument("vm.systemd") == "1";
  mount_root();
  mount_kernel_files();
  make_nodes();
  if (!with_systemd) enable_controllers();
  copy_run_files();
  mount_modules();
  std::string folder = kRoot + read_file(kRoot + "/run/vm/folder");
  make_folders(folder);
  mount_share("work", folder, true);
  bring_loopback_up();
  sethostname("vm", 2);
  if (with_systemd) prepare_systemd(kRoot);
  umount2("/proc", MNT_DETACH);
  umount2("/dev", MNT_DETACH);
  become_root();
  if (with_systemd) exec_systemd();
  run_agent();
}

}  // namespace
}  // namespace crunlite::vm

int main(int argc, char** argv) {
  std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "tsc") {
    printf("%lu\n", crunlite::vm::tsc_khz());
    return 0;
  }
  if (verb == "agent") crunlite::vm::run_agent();
  if (getpid() == 1) crunlite::vm::boot();
  fputs("vminit: this is the first process of a virtual machine\n", stderr);
  return 1;
}
