// SPDX-License-Identifier: Apache-2.0
// The config.json that `crun-lite spec` prints, and the defaults that image bundles and the
// sandbox are made of. Pure values. Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "oci/config.h"

namespace crunlite::oci {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// A template for a container of one's own: a shell on a terminal, few capabilities, a read-only
// root in "rootfs", namespaces but no user namespace.
[[nodiscard]] Config default_config();

// The same for an ordinary user: a user namespace in which this user is root, the host's network
// and /sys, no cgroup limits.
[[nodiscard]] Config default_rootless_config(uid_t uid, gid_t gid);

// proc, dev, devpts, shm, mqueue, sysfs (read-only) and cgroup (read-only).
[[nodiscard]] std::vector<Mount> default_mounts();

// Paths that tell about, or reach, the host's hardware and kernel.
[[nodiscard]] Strings default_masked_paths();
[[nodiscard]] Strings default_readonly_paths();

// PATH alone; TERM is for those who have a terminal.
[[nodiscard]] Strings default_env();

// The fourteen capabilities that images expect root to have.
[[nodiscard]] Strings image_capabilities();

// These capabilities as a container's root gets them: bounding, effective and permitted;
// inheritable and ambient stay empty (CVE-2022-24769).
[[nodiscard]] Capabilities capabilities_of(const Strings& names);

// "Deny all": the first rule of every list of ours.
[[nodiscard]] DeviceRule deny_all_devices();

// What config-linux.md#default-devices and making device nodes need; for the end of a rule list.
[[nodiscard]] std::vector<DeviceRule> default_device_rules();

// pid, network, ipc, uts, mount, cgroup.
[[nodiscard]] std::vector<Namespace> default_namespaces();

}  // namespace crunlite::oci
