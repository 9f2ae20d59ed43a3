// SPDX-License-Identifier: Apache-2.0
// What the parts of the virtual machine's first process share: its files, its ports, its end.
//
// Nothing else of crun-lite runs below this process, so it depends on headers only, and there is
// nobody to whom a failure could be returned: the kernel's log gets its text, and the machine ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace crunlite::vm {

// Writes a line to the kernel's log, which is the machine's console.
void say(std::string_view text);

// Says what failed, with errno's text, and ends the machine. The host sees no exit status then.
[[noreturn]] void give_up(std::string_view what);

// Tells the host the exit status of the command, and ends the machine.
[[noreturn]] void finish(int status);

// The whole file; ends the machine if it cannot be read.
std::string read_file(const std::string& path);

// Makes a new file.
void write_file(const std::string& path, std::string_view text, int mode = 0644);

// Makes a folder, and those above it.
void make_folders(const std::string& path);

// The names in a folder, without `.` and `..`; none if there is no such folder.
std::vector<std::string> names_in(const std::string& path);

// The value of ` name=value` on the kernel's command line; empty where it does not stand.
std::string kernel_argument(std::string_view name);

// Opens the host's port, which appears in /dev some time after its driver has started.
enum Port { kOut = 1, kErr = 2, kStatus = 3 };
UniqueFd open_port(Port port);

void write_all(int fd, std::string_view bytes);

// agent.cc: runs the command that lies in /run/vm, sends its output, and finishes with its status.
[[noreturn]] void run_agent();

// systemd.cc: what systemd must find below `root` to run the agent as a service, and little else.
void prepare_systemd(const std::string& root);
[[noreturn]] void exec_systemd();

// tsc.cc: the frequency of this processor's time stamp counter; runs on the host.
unsigned long tsc_khz();

}  // namespace crunlite::vm
