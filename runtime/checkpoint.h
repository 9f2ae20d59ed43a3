// SPDX-License-Identifier: Apache-2.0
// A running container is written to an image directory by CRIU, and ends there unless it is to go
// on. See restore.h for the way back. Single-threaded programs only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/criu_messages.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

// What both ways take.
struct CriuSettings {
  std::string program;     // --criu
  std::string image_path;  // absolute
  std::string work_path;   // absolute, of the log; "": the image directory
  CriuOptions flags;       // those that the command line sets
};

struct CheckpointOptions {
  std::string root;  // where the states lie
  std::string id;
  CriuSettings criu;
};

// Kind::kConflict unless it runs or is paused, as which it then goes on if that was asked for, or
// if this fails. Of a failed checkpoint only its log is left.
[[nodiscard]] Status checkpoint_container(const CheckpointOptions& options);

// The directories of one call of CRIU. Owned by that call.
struct CriuPlaces {
  DirFd images;
  DirFd work;  // closed where the images lie
  std::string log_path;

  void name_in(CriuOptions& options, std::string_view log_name) const;
};
// Directories that are not there are made if `make` is set.
[[nodiscard]] Result<CriuPlaces> open_places(const CriuSettings& settings,
                                             std::string_view log_name, bool make);

// Puts what CRIU wrote in its log last behind the error, and where more is to be read.
[[nodiscard]] Error explain_by_log(Error error, const CriuPlaces& places);

// Kind::kUnavailable, by its path in config.json, for what CRIU cannot write or read.
[[nodiscard]] Status check_checkpointable(const ContainerPlan& plan);

// The names that a namespace which is joined by path goes by in images.
inline constexpr std::string_view kNetworkKey = "extRootNetNS";
inline constexpr std::string_view kPidKey = "extRootPidNS";

}  // namespace crunlite::runtime
