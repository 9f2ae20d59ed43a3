// SPDX-License-Identifier: Apache-2.0
// The names of the kernel's cgroup interface files and controllers that crun-lite uses.
#pragma once

namespace crunlite::cgroups {

constexpr char kMountPoint[] = "/sys/fs/cgroup";

// Both versions.
constexpr char kProcs[] = "cgroup.procs";
constexpr char kCpusetCpus[] = "cpuset.cpus";
constexpr char kCpusetMems[] = "cpuset.mems";
constexpr char kPidsMax[] = "pids.max";
constexpr char kPidsCurrent[] = "pids.current";
constexpr char kCpuStat[] = "cpu.stat";
constexpr char kMemoryStat[] = "memory.stat";
constexpr char kCpuIdle[] = "cpu.idle";

// cgroup2.
constexpr char kControllers[] = "cgroup.controllers";
constexpr char kSubtreeControl[] = "cgroup.subtree_control";
constexpr char kThreads[] = "cgroup.threads";
constexpr char kEvents[] = "cgroup.events";
constexpr char kFreeze[] = "cgroup.freeze";
constexpr char kKill[] = "cgroup.kill";
constexpr char kCpuMax[] = "cpu.max";
constexpr char kCpuMaxBurst[] = "cpu.max.burst";
constexpr char kCpuWeight[] = "cpu.weight";
constexpr char kMemoryMax[] = "memory.max";
constexpr char kMemoryLow[] = "memory.low";
constexpr char kMemorySwapMax[] = "memory.swap.max";
constexpr char kMemoryCurrent[] = "memory.current";
constexpr char kMemoryPeak[] = "memory.peak";
constexpr char kMemoryEvents[] = "memory.events";
constexpr char kMemoryPressure[] = "memory.pressure";
constexpr char kCpuPressure[] = "cpu.pressure";
constexpr char kIoPressure[] = "io.pressure";
constexpr char kIoStat[] = "io.stat";
constexpr char kIoMax[] = "io.max";
constexpr char kIoWeight[] = "io.weight";
constexpr char kIoBfqWeight[] = "io.bfq.weight";
constexpr char kRdmaMax[] = "rdma.max";  // both versions

// v1.
constexpr char kTasks[] = "tasks";
constexpr char kFreezerState[] = "freezer.state";
constexpr char kDevicesAllow[] = "devices.allow";
constexpr char kDevicesList[] = "devices.list";
constexpr char kDevicesDeny[] = "devices.deny";
constexpr char kMemoryLimit[] = "memory.limit_in_bytes";
constexpr char kMemoryMemsw[] = "memory.memsw.limit_in_bytes";
constexpr char kMemorySoftLimit[] = "memory.soft_limit_in_bytes";
constexpr char kMemoryKernel[] = "memory.kmem.limit_in_bytes";
constexpr char kMemoryKernelTcp[] = "memory.kmem.tcp.limit_in_bytes";
constexpr char kMemorySwappiness[] = "memory.swappiness";
constexpr char kMemoryOomControl[] = "memory.oom_control";
constexpr char kMemoryUseHierarchy[] = "memory.use_hierarchy";
constexpr char kMemoryUsage[] = "memory.usage_in_bytes";
constexpr char kMemoryMaxUsage[] = "memory.max_usage_in_bytes";
constexpr char kCpuShares[] = "cpu.shares";
constexpr char kCpuQuota[] = "cpu.cfs_quota_us";
constexpr char kCpuPeriod[] = "cpu.cfs_period_us";
constexpr char kCpuBurst[] = "cpu.cfs_burst_us";
constexpr char kCpuRtRuntime[] = "cpu.rt_runtime_us";
constexpr char kCpuRtPeriod[] = "cpu.rt_period_us";
constexpr char kCpuacctUsage[] = "cpuacct.usage";
constexpr char kCpuacctPerCpu[] = "cpuacct.usage_percpu";
constexpr char kCpuacctAll[] = "cpuacct.usage_all";
constexpr char kCpuacctStat[] = "cpuacct.stat";
constexpr char kEventControl[] = "cgroup.event_control";
constexpr char kNetworkClass[] = "net_cls.classid";
constexpr char kNetworkPriorities[] = "net_prio.ifpriomap";
constexpr char kBlkioWeight[] = "blkio.weight";
constexpr char kBlkioBfqWeight[] = "blkio.bfq.weight";
constexpr char kBlkioWeightDevice[] = "blkio.weight_device";
constexpr char kBlkioBfqWeightDevice[] = "blkio.bfq.weight_device";
constexpr char kBlkioLeafWeight[] = "blkio.leaf_weight";
constexpr char kBlkioLeafWeightDevice[] = "blkio.leaf_weight_device";
constexpr char kBlkioReadBps[] = "blkio.throttle.read_bps_device";
constexpr char kBlkioWriteBps[] = "blkio.throttle.write_bps_device";
constexpr char kBlkioReadIops[] = "blkio.throttle.read_iops_device";
constexpr char kBlkioWriteIops[] = "blkio.throttle.write_iops_device";

}  // namespace crunlite::cgroups
