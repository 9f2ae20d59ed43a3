// SPDX-License-Identifier: Apache-2.0
// Every bound of crun-lite, by name. Reaching one is Kind::kLimit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crunlite::limits {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

// Documents.
constexpr size_t kJsonDepth = 64;
constexpr size_t kJsonValues = 400'000;      // each takes 40 bytes at least
constexpr size_t kConfigBytes = 16 * kMiB;   // config.json and process.json
constexpr size_t kStateBytes = 4 * kMiB;     // state.json
constexpr size_t kManifestBytes = 4 * kMiB;  // OCI distribution-spec recommends 4 MiB
constexpr size_t kImageConfigBytes = 8 * kMiB;
constexpr size_t kKernelFileBytes = 64 * kMiB;  // mountinfo and its like
constexpr size_t kPasswdBytes = 16 * kMiB;      // a container's /etc/passwd, /etc/group

// Containers.
constexpr size_t kContainerIdBytes = 1024;
constexpr size_t kMounts = 4096;
constexpr size_t kMountOptions = 256;
constexpr size_t kCopyDepth = 64;      // directories below one that a tmpfs covers
constexpr size_t kHooks = 256;         // of one kind
constexpr size_t kDevices = 4096;      // nodes, and rules
constexpr size_t kIdMappings = 340;    // the kernel's UID_GID_MAP_MAX_EXTENTS
constexpr size_t kSysctlBytes = 1024;  // of one value
constexpr size_t kSeccompRules = 4096;
constexpr size_t kSeccompNames = 1024;           // of one rule
constexpr size_t kSeccompArguments = 32;         // of one rule
constexpr size_t kSeccompCacheFiles = 64;        // compiled filters that are kept
constexpr size_t kSeccompCacheBytes = 4 * kMiB;  // of them together
constexpr size_t kSeccompMetadata = 64 << 10;    // bytes of listenerMetadata
constexpr size_t kLabelBytes = 4096;             // of a security module's label
constexpr uint32_t kProcessors = 8192;           // the kernel's largest NR_CPUS
constexpr uint32_t kMemoryNodes = 1024;          // the kernel's largest MAX_NUMNODES
constexpr size_t kNetDevices = 256;              // that are moved
constexpr size_t kLandlockRules = 256;
constexpr size_t kArguments = 65536;
constexpr size_t kGroups = 65536;       // the kernel's NGROUPS_MAX
constexpr int kSymlinks = 40;           // as the kernel's own MAXSYMLINKS
constexpr int kSyncTimeoutMs = 60'000;  // one wait between the parent and init
constexpr int kStartTimeoutMs = 60'000;
constexpr size_t kSyncTextBytes = 3072;
constexpr int kHookTimeoutMs = 300'000;       // a hook without a timeout of its own
constexpr int kKillWaitMs = 10'000;           // until a killed process must be gone
constexpr int kThawWaitMs = 10'000;           // until a thawed container must run
constexpr size_t kDeviceRules = 4096;         // of linux.resources.devices
constexpr size_t kCgroupDepth = 64;           // levels below a container's cgroup
constexpr size_t kCgroupProcesses = 1 << 20;  // more are not listed

// Sandboxes.
constexpr size_t kSandboxBinds = 512;
constexpr int kSandboxTimeoutMs = 2'000'000'000;  // some 23 days: what one poll(2) can wait
constexpr int kSandboxGraceMs = 10'000;           // from SIGTERM to SIGKILL
constexpr size_t kSandboxPieces = 2048;           // of a root file system made of pieces
constexpr size_t kSandboxDepth = 16;              // of directories that are taken to pieces
constexpr size_t kSandboxCopyBytes = 1 * kMiB;    // larger files are bound, not copied

// Images.
constexpr size_t kReferenceNameBytes = 255;  // distribution-spec: host and repository
constexpr size_t kTagBytes = 128;
constexpr size_t kLayers = 512;
constexpr size_t kIndexDepth = 4;            // indexes within indexes
constexpr size_t kIndexes = 256;             // and manifests, below one name
constexpr size_t kPendingManifests = 16384;  // listed by them
constexpr size_t kArchiveEntries = 16384;    // files of an archive of images
constexpr uint64_t kArchiveBytes = 256 * kGiB;
constexpr uint64_t kLayerBytes = 256 * kGiB;  // unpacked size of one layer
constexpr uint64_t kBlobBytes = 64 * kGiB;
constexpr uint64_t kLayerEntries = 10'000'000;
constexpr size_t kPathBytes = 4096;
constexpr size_t kPathDepth = 512;
constexpr size_t kNameBytes = 255;
constexpr size_t kXattrsBytes = 1 * kMiB;        // of one file
constexpr uint64_t kTarHeaderBytes = kMiB / 4;   // of one entry: names, attributes, maps
constexpr uint64_t kTarLargeHeader = 8192;       // bytes; such headers together ...
constexpr uint64_t kTarLargeHeaders = 4 * kMiB;  // ... have at most these
constexpr size_t kOpenDirs = 64;                 // of a layer that is being unpacked
constexpr size_t kTrackedNames = 1'400'000;      // that a layer wrote before its last whiteout
constexpr uint64_t kExpansion = 1100;            // unpacked bytes for each compressed one
constexpr uint64_t kExpansionFloor = 64 * kMiB;  // below this size any ratio is accepted

}  // namespace crunlite::limits
