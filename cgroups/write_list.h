// SPDX-License-Identifier: Apache-2.0
// WriteList: how the parts of limits.cc collect writes and name fields. Inside this module only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cgroups/limits.h"

namespace crunlite::cgroups {

// Collects the writes of one controller.
class WriteList {
 public:
  WriteList(bool unified, std::string_view controller, std::string_view field_prefix,
            std::vector<Write>& out)
      : unified_(unified), controller_(controller), prefix_(field_prefix), out_(out) {}

  // The write is returned for further settings; valid until the next one is added.
  Write& add(std::string_view field, std::string_view file, std::string text) {
    Write write;
    write.unified = unified_;
    write.controller = controller_;
    write.file = file;
    write.text = std::move(text);
    write.field = cat(prefix_, field);
    out_.push_back(std::move(write));
    return out_.back();
  }
  [[nodiscard]] std::unexpected<Error> unavailable(std::string_view field,
                                                   std::string_view why) const {
    return fail(Kind::kUnavailable, prefix_, field, ": ", why);
  }
  template <class... Parts>
  [[nodiscard]] std::unexpected<Error> invalid(std::string_view field, const Parts&... why) const {
    return fail(Kind::kInvalid, prefix_, field, ": ", why...);
  }

 private:
  bool unified_;
  std::string controller_;
  std::string prefix_;
  std::vector<Write>& out_;
};

// linux.resources.blockIO, in cgroup2 or in v1.
[[nodiscard]] Status plan_block_io(const oci::BlockIo& io, bool unified, WriteList& out);

// hugepageLimits, network and rdma of linux.resources.
[[nodiscard]] Status plan_other_limits(const oci::Resources& resources, const Versions& versions,
                                       std::vector<Write>& out);

}  // namespace crunlite::cgroups
