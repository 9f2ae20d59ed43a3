// SPDX-License-Identifier: Apache-2.0
// Lets this host's systemd be process 1 of the machine, and keeps it from doing what no test needs.
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/vm/guest.h"

namespace crunlite::vm {
namespace {

constexpr const char* kService = R"([Unit]
Description=vm-run command
FailureAction=reboot-immediate
Wants=dbus.socket
After=dbus.socket basic.target
[Service]
Type=exec
ExecStart=/run/vm/vminit agent
Delegate=yes
KillMode=process
TasksMax=infinity
LimitNOFILE=1048576
StandardOutput=null
StandardError=kmsg
)";

constexpr const char* kTarget = R"([Unit]
Description=vm-run
Requires=sysinit.target vm-run.service
After=sysinit.target
AllowIsolate=yes
)";

// Each unit costs a slow machine time, and most of these would fail in it.
constexpr const char* kMasked[] = {
    "apparmor.service",
    "console-setup.service",
    "cryptsetup.target",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "emergency.service",
    "getty.target",
    "integritysetup.target",
    "keyboard-setup.service",
    "kmod-static-nodes.service",
    "ldconfig.service",
    "proc-sys-fs-binfmt_misc.automount",
    "swap.target",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-boot-random-seed.service",
    "systemd-boot-system-token.service",
    "systemd-firstboot.service",
    "systemd-fsck-root.service",
    "systemd-hwdb-update.service",
    "systemd-initctl.socket",
    "systemd-journal-catalog-update.service",
    "systemd-journal-flush.service",
    "systemd-journald-audit.socket",
    "systemd-machine-id-commit.service",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-repart.service",
    "systemd-resolved.service",
    "systemd-sysctl.service",
    "systemd-sysext.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tmpfiles-setup.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
    "systemd-update-done.service",
    "systemd-update-utmp.service",
    "systemd-vconsole-setup.service",
    "veritysetup.target",
};

void mask(const std::string& path) {
  if (symlink("/dev/null", path.c_str()) != 0 && errno != EEXIST) give_up("symlink " + path);
}

}  // namespace

void prepare_systemd(const std::string& root) {
  std::string units = root + "/run/systemd/system/";
  make_folders(units);
  write_file(units + "vm-run.service", kService);
  write_file(units + "vm-run.target", kTarget);
  for (const char* unit : kMasked) mask(units + unit);
  std::string generators = root + "/run/systemd/system-generators/";
  make_folders(generators);
  for (const std::string& name : names_in(root + "/usr/lib/systemd/system-generators")) {
    mask(generators + name);
  }
  // Where the host is a container itself, systemd would see its mark and take the machine for one:
  // then / would not be shared, and other parts of a real host would be missing.
  unlink((root + "/.dockerenv").c_str());
  // Without a machine id systemd takes this boot for the first one, and asks questions.
  std::string machine_id = root + "/etc/machine-id";
  struct stat info = {};
  if (stat(machine_id.c_str(), &info) == 0 && info.st_size >= 32) return;
  unlink(machine_id.c_str());
  write_file(machine_id, "b0a1c2d3e4f5061728394a5b6c7d8e9f\n");
}

void exec_systemd() {
  umask(022);
  std::string program = "/lib/systemd/systemd";
  std::string unit = "--unit=vm-run.target", level = "--log-level=warning";
  std::string log = "--log-target=kmsg", status = "--show-status=no", shell = "--crash-shell=no";
  char* arguments[] = {program.data(), unit.data(),  level.data(), log.data(),
                       status.data(),  shell.data(), nullptr};
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {path.data(), nullptr};
  execve(program.c_str(), arguments, environment);
  give_up("execute " + program);
}

}  // namespace crunlite::vm
