// SPDX-License-Identifier: Apache-2.0
#include "runtime/self.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <string_view>

#include "base/process.h"
#include "base/sys.h"

// The program's own first bytes in memory, as the linker names them.
extern "C" [[gnu::visibility("hidden")]] const ElfW(Ehdr) kOwnHeader asm("__ehdr_start");

namespace crunlite::runtime {
namespace {

constexpr const char* kSelf = "/proc/self/exe";
// The path before the program was executed again: the read-only copy of the mount has none.
constexpr const char* kPathVariable = "_CRUN_LITE_PROGRAM";

bool is_read_only() {
  struct statvfs info{};
  return ::statvfs(kSelf, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

constexpr size_t padded(size_t size) {
  constexpr size_t kAlignment = 4;
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

// The build id among notes, in hexadecimal.
std::string find_build_id(std::string_view notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    memcpy(&note, notes.data(), sizeof note);
    const size_t content = sizeof note + padded(note.n_namesz);
    const size_t next = content + padded(note.n_descsz);
    if (next > notes.size()) break;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof "GNU") {
      return hex(notes.substr(content, note.n_descsz));
    }
    notes.remove_prefix(next);
  }
  return "";
}

}  // namespace

std::string own_build_id() {
  const auto* start = reinterpret_cast<const char*>(&kOwnHeader);
  for (size_t i = 0; i < kOwnHeader.e_phnum; i++) {
    ElfW(Phdr) header;
    memcpy(&header, start + kOwnHeader.e_phoff + i * sizeof header, sizeof header);
    if (header.p_type != PT_NOTE) continue;
    // Notes lie in the segment that begins with the file, so where they lie in the file.
    const std::string id = find_build_id({start + header.p_offset, header.p_filesz});
    if (!id.empty()) return id;
  }
  return "";
}

Result<std::string> own_program_path() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no program of ours changes its environment.
  const char* kept = ::getenv(kPathVariable);
  if (kept != nullptr && is_read_only()) return std::string(kept);
  return in_context(sys::readlinkat(AT_FDCWD, kSelf), kSelf);
}

Status protect_own_program(const std::vector<std::string>& args) {
  if (::geteuid() != 0 || is_read_only()) return {};
  MountFd copy = TRY(sys::open_tree(AT_FDCWD, kSelf, OPEN_TREE_CLONE), "our own program");
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  TRY(sys::mount_setattr(copy.get(), "", AT_EMPTY_PATH, attributes), "our own program");
  std::vector<std::string> env = own_environment();
  env.push_back(cat(kPathVariable, "=", TRY(own_program_path())));
  return in_context(sys::execveat(copy.get(), args, env), "our own program");
}

}  // namespace crunlite::runtime
