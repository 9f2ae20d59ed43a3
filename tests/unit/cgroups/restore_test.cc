// SPDX-License-Identifier: Apache-2.0
#include "cgroups/restore.h"

#include <gtest/gtest.h>

namespace crunlite::cgroups {
namespace {

TEST(TextToRestore, IsWhatStoodThere) {
  struct Row {
    const char* file;
    const char* written;
    const char* before;
    const char* wanted;
  };
  for (const Row& row : std::vector<Row>{
           {"memory.max", "1024", "max\n", "max"},
           {"memory.limit_in_bytes", "1024", "9223372036854771712\n", "9223372036854771712"},
           {"cpu.max", "1000 2000", "max 100000\n", "max 100000"},
           {"cpuset.cpus", "0", "\n", "\n"},
           {"cpuset.cpus", "0", "", "\n"},
           {"memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "0"},
           {"io.weight", "500", "default 100\n8:0 50\n", "default 100"},
           {"io.weight", "8:0 500", "default 100\n8:0 50\n", "8:0 50"},
           {"io.weight", "8:1 500", "default 100\n8:0 50\n", "8:1 default"},
           {"io.max", "8:0 rbps=1", "8:16 rbps=2 wbps=max riops=max wiops=max\n",
            "8:0 rbps=max wbps=max riops=max wiops=max"},
           {"io.max", "8:0 rbps=1", "8:0 rbps=2 wbps=max riops=max wiops=max\n",
            "8:0 rbps=2 wbps=max riops=max wiops=max"},
           {"blkio.throttle.read_bps_device", "8:0 5", "", "8:0 0"},
           {"blkio.throttle.read_bps_device", "8:0 5", "8:0 7\n", "8:0 7"},
           {"rdma.max", "mlx5_1 hca_handle=3", "mlx5_1 hca_handle=max hca_object=9\n",
            "mlx5_1 hca_handle=max hca_object=9"},
           {"rdma.max", "mlx5_1 hca_handle=3", "", "mlx5_1 hca_handle=max hca_object=max"},
           {"net_prio.ifpriomap", "lo 5", "lo 0\neth0 3\n", "lo 0"},
           {"misc.max", "res_a 5", "res_a max\nres_b 0\n", "res_a max"},
       }) {
    EXPECT_EQ(text_to_restore(row.file, row.written, row.before), row.wanted)
        << row.file << " " << row.written;
  }
}

TEST(TextToRestore, IsNothingWhereTheKernelHasNoWordForIt) {
  EXPECT_EQ(text_to_restore("misc.max", "res_a 5", "res_b 0\n"), std::nullopt);
  EXPECT_EQ(text_to_restore("io.latency", "8:0 target=5", ""), std::nullopt);
}

}  // namespace
}  // namespace crunlite::cgroups
