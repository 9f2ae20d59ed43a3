// SPDX-License-Identifier: Apache-2.0
// The messages of CRIU's service (images/rpc.proto of its source), of which few fields are needed:
// requests as bytes, and bytes as replies. Pure; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace crunlite::runtime {

// criu_req_type.
enum class CriuRequest : uint8_t { kDump = 1, kRestore = 2, kNotify = 6, kVersion = 10 };

// A descriptor that takes the place of what CRIU calls `key`.
struct InheritedFd {
  std::string key;  // "pipe:[1234]", "file[1a:2b]", or a name given at the dump
  int fd = -1;      // its number in the service
};

struct JoinedByCriu {
  std::string type;  // "ipc"
  std::string path;
};

// criu_opts. Of files, CRIU opens /proc/PID/fd/N of whoever asks.
struct CriuOptions {
  int images_fd = -1;
  int work_fd = -1;  // -1: where the images are
  std::string log_file;
  pid_t pid = 0;     // of the tree to dump
  std::string root;  // the root of the restored tree, a mount point
  bool leave_running = false;
  bool tcp_established = false;
  bool tcp_close = false;
  bool ext_unix_sk = false;
  bool shell_job = false;
  bool file_locks = false;
  bool auto_dedup = false;
  bool empty_network = false;
  bool restores = false;  // the tree becomes our own child
  std::string freeze_cgroup;
  std::string lsm_profile;
  std::string lsm_mount_context;
  std::vector<std::string> external;
  std::vector<InheritedFd> inherited;
  std::vector<JoinedByCriu> joined;
};

[[nodiscard]] std::string encode_request(CriuRequest type, const CriuOptions& options);
[[nodiscard]] std::string encode_version_request();  // others may follow it
[[nodiscard]] std::string encode_notify_reply(bool is_good);

struct CriuVersion {
  int major = 0;
  int minor = 0;
  [[nodiscard]] auto operator<=>(const CriuVersion&) const = default;
};

// criu_resp.
struct CriuReply {
  uint64_t type = 0;
  bool is_success = false;
  pid_t pid = 0;       // of a restored tree, or with a notification
  std::string script;  // of a notification: what CRIU has just done, "setup-namespaces"
  int errnum = 0;
  std::string message;
  CriuVersion version;

  [[nodiscard]] bool is(CriuRequest request) const {
    return type == static_cast<uint64_t>(request);
  }
};
// Unknown fields are passed over; a truncated or malformed message is Kind::kInvalid.
[[nodiscard]] Result<CriuReply> decode_reply(std::string_view bytes);

}  // namespace crunlite::runtime
