// SPDX-License-Identifier: Apache-2.0
#include "runtime/criu_messages.h"

#include <sched.h>

#include <limits>
#include <optional>

namespace crunlite::runtime {
namespace {

// How a field's value is written (protobuf.dev/programming-guides/encoding).
enum Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
constexpr unsigned kWireBits = 3;
constexpr unsigned kGroupBits = 7;  // of a varint, lowest first
constexpr uint64_t kGroupMask = 0x7f;
constexpr uint64_t kMoreFollows = 0x80;

// A message that grows field by field.
class Writer {
 public:
  Writer& number(unsigned field, int64_t value) {
    varint(uint64_t{field} << kWireBits | kVarint);
    varint(static_cast<uint64_t>(value));  // negative ones have ten bytes
    return *this;
  }
  Writer& flag(unsigned field, bool value) { return value ? number(field, 1) : *this; }
  Writer& bytes(unsigned field, std::string_view value) {
    varint(uint64_t{field} << kWireBits | kBytes);
    varint(value.size());
    text_.append(value);
    return *this;
  }
  Writer& text(unsigned field, std::string_view value) {
    return value.empty() ? *this : bytes(field, value);
  }
  [[nodiscard]] const std::string& result() const { return text_; }

 private:
  void varint(uint64_t value) {
    for (; value >= kMoreFollows; value >>= kGroupBits) {
      text_.push_back(static_cast<char>((value & kGroupMask) | kMoreFollows));
    }
    text_.push_back(static_cast<char>(value));
  }
  std::string text_;
};

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of text and messages
};

// The fields of a message one after the other.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  // Nothing at the end, and where it is malformed.
  std::optional<Field> next() {
    if (rest_.empty()) return {};
    const std::optional<uint64_t> key = varint();
    if (!key.has_value()) return broken();
    Field field;
    field.number = *key >> kWireBits;
    switch (*key & ((1U << kWireBits) - 1)) {
      case kVarint:
        if (const std::optional<uint64_t> value = varint()) {
          field.value = *value;
          return field;
        }
        return broken();
      case kBytes: {
        const std::optional<uint64_t> length = varint();
        return length.has_value() ? take(field, *length) : broken();
      }
      case kFixed64: return take(field, sizeof(uint64_t));
      case kFixed32: return take(field, sizeof(uint32_t));
      default: return broken();
    }
  }
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  std::optional<Field> broken() {
    is_broken_ = true;
    return {};
  }
  std::optional<Field> take(Field field, uint64_t length) {
    if (length > rest_.size()) return broken();
    field.bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return field;
  }
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < std::numeric_limits<uint64_t>::digits; shift += kGroupBits) {
      if (rest_.empty()) return {};
      const auto group = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= (group & kGroupMask) << shift;
      if ((group & kMoreFollows) == 0) return value;
    }
    return {};
  }
  std::string_view rest_;
  bool is_broken_ = false;
};

// Calls `take` with each field.
template <class Take>
Status read_fields(std::string_view bytes, const Take& take) {
  Reader reader(bytes);
  while (const std::optional<Field> field = reader.next()) TRY(take(*field));
  if (reader.is_broken()) return fail(Kind::kInvalid, "malformed message of criu");
  return {};
}

std::string encode_options(const CriuOptions& options) {
  constexpr int kDebugLevel = 4;
  constexpr int kIgnoreCgroups = 0;  // the runtime puts the tree into its cgroups itself
  constexpr int kNoNetworkLock = 3;
  Writer out;
  out.number(1, options.images_fd);
  if (options.pid > 0) out.number(2, options.pid);
  out.flag(3, options.leave_running).flag(4, options.ext_unix_sk);
  out.flag(5, options.tcp_established).flag(6, true /* evasive_devices */);
  out.flag(7, options.shell_job).flag(8, options.file_locks).number(9, kDebugLevel);
  out.text(10, options.log_file).flag(12, true /* notify_scripts */).text(13, options.root);
  out.flag(16, options.auto_dedup);
  if (options.work_fd >= 0) out.number(17, options.work_fd);
  out.flag(26, options.restores);
  for (const InheritedFd& one : options.inherited) {
    out.bytes(27, Writer().bytes(1, one.key).number(2, one.fd).result());
  }
  out.number(34, kIgnoreCgroups);
  for (const std::string& name : options.external) out.bytes(37, name);
  if (options.empty_network) out.number(38, CLONE_NEWNET);
  for (const JoinedByCriu& one : options.joined) {
    out.bytes(39, Writer().bytes(1, one.type).bytes(2, one.path).result());
  }
  out.text(44, options.freeze_cgroup).flag(50, true /* orphan_pts_master */);
  out.flag(52, options.tcp_close).text(53, options.lsm_profile);
  out.text(63, options.lsm_mount_context);
  // Packets need not be held back where no connection is kept; then iptables(8) is not needed.
  if (!options.tcp_established) out.number(64, kNoNetworkLock);
  return out.result();
}

// The one number of a message that is nothing but that.
Result<pid_t> read_number(std::string_view bytes, uint64_t wanted) {
  uint64_t number = 0;
  TRY(read_fields(bytes, [&](const Field& field) -> Status {
    if (field.number == wanted) number = field.value;
    return {};
  }));
  if (number > static_cast<uint64_t>(std::numeric_limits<pid_t>::max())) {
    return fail(Kind::kInvalid, "criu names the process ", number);
  }
  return static_cast<pid_t>(number);
}

Status read_notify(std::string_view bytes, CriuReply& reply) {
  reply.pid = TRY(read_number(bytes, 2));
  return read_fields(bytes, [&](const Field& field) -> Status {
    if (field.number == 1) reply.script = field.bytes;
    return {};
  });
}

Status read_version(std::string_view bytes, CriuReply& reply) {
  reply.version.major = TRY(read_number(bytes, 1));
  reply.version.minor = TRY(read_number(bytes, 2));
  return {};
}

}  // namespace

std::string encode_request(CriuRequest type, const CriuOptions& options) {
  Writer out;
  out.number(1, static_cast<int64_t>(type)).bytes(2, encode_options(options));
  return out.result();
}

std::string encode_version_request() {
  Writer out;
  out.number(1, static_cast<int64_t>(CriuRequest::kVersion)).flag(4, true /* keep_open */);
  return out.result();
}

std::string encode_notify_reply(bool is_good) {
  Writer out;
  out.number(1, static_cast<int64_t>(CriuRequest::kNotify)).number(3, is_good ? 1 : 0);
  return out.result();
}

Result<CriuReply> decode_reply(std::string_view bytes) {
  CriuReply reply;
  TRY(read_fields(bytes, [&](const Field& field) -> Status {
    switch (field.number) {
      case 1: reply.type = field.value; return {};
      case 2: reply.is_success = field.value != 0; return {};
      case 4: reply.pid = TRY(read_number(field.bytes, 1)); return {};
      case 5: return read_notify(field.bytes, reply);
      case 7: reply.errnum = static_cast<int>(field.value); return {};
      case 9: reply.message = field.bytes; return {};
      case 10: return read_version(field.bytes, reply);
      default: return {};
    }
  }));
  return reply;
}

}  // namespace crunlite::runtime
