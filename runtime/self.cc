// SPDX-License-Identifier: Apache-2.0
#include "runtime/self.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr const char* kSelf = "/proc/self/exe";
// The path before the program was executed again: the read-only copy of the mount has none.
constexpr const char* kPathVariable = "_CRUN_LITE_PROGRAM";

bool is_read_only() {
  struct statvfs info{};
  return ::statvfs(kSelf, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

// The linker's build id: a note of ours whose bytes change with the program's.
int find_build_id(struct dl_phdr_info* info, size_t, void* out) {
  constexpr size_t kAlignment = 4;
  const auto padded = [](size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; };
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
    const char* end = at + header.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      memcpy(&note, at, sizeof note);
      const char* content = at + sizeof note + padded(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof "GNU") {
        *static_cast<std::string*>(out) = hex({content, note.n_descsz});
        return 1;
      }
      at = content + padded(note.n_descsz);
    }
  }
  return 1;  // the first object is the program itself
}

}  // namespace

std::string own_build_id() {
  std::string id;
  (void)::dl_iterate_phdr(find_build_id, &id);  // what it returns is our own 1
  return id;
}

Result<std::string> own_program_path() {
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
