# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# containerd 1.6 with its shim runc-v2, driven by ctr.

start_caller() {
  cat >config.toml <<CONF
version = 2
root = "$folder/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
CONF
  start_daemon containerd containerd --config config.toml
  (wait_until ctr version) || return
  ctr images import "$image_file"
}

# What a failed scenario may have left. Shims outlive containerd, and end with their tasks.
clean_caller() {
  local id
  for id in $(ctr containers ls -q); do
    end "$id"
  done
}

stop_caller() {
  clean_caller
  ctr images rm "$image"
  stop_daemon containerd
}

run() {
  bounded ctr run --runc-binary "$runtime" "$@"
}

end() {
  ctr tasks kill -s KILL "$1" 2>/dev/null
  (wait_until ctr tasks rm "$1")
  ctr containers rm "$1"
}

test_run_and_its_exit_statuses() {
  expect 0 hello run --rm "$image" t1 echo hello
  expect 7 '' run --rm "$image" t2 sh -c 'exit 7'
  expect 143 Terminated run --rm "$image" t3 sh -c 'sh -c "kill -TERM \$\$"; exit $?'
  expect 1 '*exec: "missing": executable file not found in $PATH*' run --rm "$image" t4 missing
  expect 1 '*permission denied*' run --rm "$image" t5 /etc/plain
  expect 0 '' ctr containers ls -q
  expect 0 '' ctr tasks ls -q
}

test_run_with_settings() {
  expect 0 /tmp run --rm --cwd /tmp "$image" t2 pwd
  expect 0 'a=b' run --rm --env a=b "$image" t3 sh -c 'env | grep ^a='
  mkdir -p volume && echo content >volume/file
  expect 0 content run --rm --mount "type=bind,src=$folder/volume,dst=/data,options=rbind:ro" \
    "$image" t4 cat /data/file
  expect 1 '*ead-only file system*' run --rm --read-only "$image" t5 touch /new
  expect 0 "$(namespace net)" run --rm --net-host "$image" t6 \
    readlink /proc/self/ns/net
  expect 0 '*CapEff:?0000000000000000*' run --rm --cap-drop CAP_ALL "$image" t7 \
    grep CapEff /proc/self/status
  expect 0 'Seccomp:?2' run --rm --seccomp "$image" t8 grep Seccomp: /proc/self/status
  expect 0 '*' run --rm "$image" t9 sh -c 'awk "{print \$2, \$3}" /proc/mounts | sort'
}

test_limits() {
  quietly run -d --memory-limit 67108864 --cpus 0.5 "$image" small sleep 1000
  expect 0 67108864 cat "$(cgroup_of memory small)/memory.limit_in_bytes"
  expect 0 50000 cat "$(cgroup_of cpu small)/cpu.cfs_quota_us"
  end small
  expect 137 '' run --rm --memory-limit 16777216 "$image" t3 dd if=/dev/zero of=/dev/null bs=64M \
    count=1
}

# Where containerd wants the container's cgroup.
cgroup_of() {
  echo "/sys/fs/cgroup/$1/default/$2"
}

test_exec_and_its_exit_statuses() {
  quietly run -d "$image" main sleep 1000
  expect 0 inside ctr tasks exec --exec-id e1 main echo inside
  expect 9 '' ctr tasks exec --exec-id e2 main sh -c 'exit 9'
  expect 1 '*executable file not found*' ctr tasks exec --exec-id e3 main missing
  expect 0 'uid=1000(guest)*' ctr tasks exec --exec-id e4 --user guest main id
  expect 0 /tmp ctr tasks exec --exec-id e5 --cwd /tmp main pwd
  expect 0 '*sleep 1000*' ctr tasks exec --exec-id e6 main ps -o args
  end main
}

test_tasks() {
  quietly run -d "$image" listed sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
  expect 0 'listed*RUNNING' tasks_of listed
  expect 0 '*' task_numbers ctr tasks ps listed
  quietly ctr tasks kill -s TERM listed
  wait_until prints '*STOPPED' tasks_of listed
  expect 0 '*exit with non-zero exit code 3*' ctr tasks delete listed
  quietly ctr containers rm listed
}

tasks_of() {
  ctr tasks ls | awk -v id="$1" '$1 == id {print $1, $3}'
}

task_numbers() {
  "$@" | grep -c '^[0-9]'
}

test_metrics() {
  quietly run -d --memory-limit 67108864 "$image" counted sleep 1000
  expect 0 '*memory.usage_in_bytes*' metric_names counted
  expect 0 67108864 metric_of counted memory.limit_in_bytes
  end counted
}

metric_names() {
  ctr tasks metrics "$1" | awk 'NR > 3 {print $1}'
}

metric_of() {
  ctr tasks metrics "$1" | awk -v name="$2" '$1 == name {print $2}'
}

test_a_terminal() {
  at ctr run --runc-binary "$runtime" -t --rm "$image" term sh
  sees '# '
  types 'tty; exit 4\n'
  sees '/dev/'
  leaves 4
}

test_exec_at_a_terminal() {
  quietly run -d "$image" main sleep 1000
  at ctr tasks exec --exec-id e1 -t main sh
  sees '# '
  types 'tty; exit 5\n'
  sees '/dev/pts/'
  leaves 5
  end main
}

test_pause() {
  quietly run -d "$image" still sleep 1000
  quietly ctr tasks pause still
  expect 0 'still PAUSED' tasks_of still
  quietly ctr tasks resume still
  expect 0 'still RUNNING' tasks_of still
  end still
}

slow_many_at_once() {
  local i pids=()
  for i in $(seq 40); do
    run --rm "$image" "many$i" true & pids+=($!)
  done
  for i in "${pids[@]}"; do
    wait "$i" || fail "one of many failed"
  done
  expect 0 '' ctr containers ls -q
}
