# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# podman 4.3, with conmon and cgroupfs.

start_caller() {
  export CONTAINERS_CONF=$folder/containers.conf CONTAINERS_STORAGE_CONF=$folder/storage.conf
  export CONTAINERS_REGISTRIES_CONF=$folder/registries.conf
  echo 'unqualified-search-registries = []' >"$CONTAINERS_REGISTRIES_CONF"
  cat >"$CONTAINERS_STORAGE_CONF" <<CONF
[storage]
driver = "overlay"
graphroot = "$folder/storage"
runroot = "/run/storage"
CONF
  cat >"$CONTAINERS_CONF" <<CONF
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
network_backend = "netavark"
runtime = "tested"
runtime_supports_nocgroups = ["tested"]
[engine.runtimes]
tested = ["$runtime"]
CONF
  podman load -q -i "$image_file"
}

# What a failed scenario may have left.
clean_caller() {
  podman pod rm -a -f -t 0
  podman rm -a -f -t 0
  podman network prune -f
}

# What podman keeps mounted between its runs, whatever the runtime.
stop_caller() {
  clean_caller
  umount "$folder/storage/overlay" /run/netns
}

test_info_names_the_runtime() {
  expect 0 "$runtime" podman info --format '{{.Host.OCIRuntime.Path}}'
}

test_run_and_its_exit_statuses() {
  expect 0 hello podman run --rm "$image" echo hello
  expect 7 '' podman run --rm "$image" sh -c 'exit 7'
  expect 143 Terminated podman run --rm "$image" sh -c 'sh -c "kill -TERM \$\$"; exit $?'
  expect 126 '*ermission denied*' podman run --rm "$image" /etc/plain
  expect 127 '*executable file*not found*' podman run --rm "$image" missing
  expect 127 '*no such file or directory*' podman run --rm "$image" /bin/missing
  expect 126 '*' podman run --rm "$image" /etc
  expect 125 '*' podman run --rm --memory 1 "$image" true
  expect 0 '' podman ps -a -q
}

test_run_with_an_identity() {
  expect 0 'uid=1000(guest) gid=1000(guest) groups=1000(guest),2000(extra)' \
    podman run --rm --user guest "$image" id
  expect 0 'uid=5* gid=6* groups=6*,7' podman run --rm --user 5:6 --group-add 7 "$image" id
  expect 0 web podman run --rm --hostname web "$image" hostname
  expect 0 /tmp podman run --rm --workdir /tmp "$image" pwd
  expect 0 'a=b c' podman run --rm --env a='b c' "$image" sh -c 'env | grep ^a='
  expect 0 '*CapEff:?0000000000000000*' podman run --rm --cap-drop all "$image" \
    grep Cap /proc/self/status
  expect 0 '*' podman run --rm --cap-add SYS_TIME --cap-drop CHOWN "$image" \
    grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status
  expect 0 '*NoNewPrivs:?1*' podman run --rm --security-opt no-new-privileges "$image" \
    grep NoNewPrivs /proc/self/status
  expect 0 0022 podman run --rm "$image" sh -c umask
  expect 0 0077 podman run --rm --umask 0077 "$image" sh -c umask
}

test_run_with_files() {
  mkdir -p "$folder/volume" && echo content >"$folder/volume/file"
  expect 0 content podman run --rm -v "$folder/volume:/data:ro" "$image" cat /data/file
  expect 1 '*ead-only file system*' podman run --rm -v "$folder/volume:/data:ro" "$image" \
    touch /data/new
  expect 1 '*ead-only file system*' podman run --rm --read-only "$image" touch /new
  expect 0 '*' podman run --rm --tmpfs /scratch:size=1m "$image" \
    sh -c 'grep " /scratch " /proc/mounts'
  expect 0 '*' podman run --rm "$image" sh -c 'ls -l /dev | awk "{print \$1, \$NF}" | sort'
  expect 0 '*' podman run --rm "$image" \
    sh -c 'awk "{print \$2, \$3, \$4}" /proc/mounts | sed -E "s/(size|inode64|lowerdir=).*//" | sort'
  expect 0 'crw*' podman run --rm --device /dev/fuse "$image" ls -l /dev/fuse
  expect 0 123 podman run --rm --sysctl net.core.somaxconn=123 "$image" \
    cat /proc/sys/net/core/somaxconn
}

test_exec_and_its_exit_statuses() {
  quietly podman run -d --name main "$image" sleep 1000
  expect 0 'inside' podman exec main echo inside
  expect 9 '' podman exec main sh -c 'exit 9'
  expect 127 '*' podman exec main missing
  expect 126 '*' podman exec main /etc/plain
  expect 0 'uid=1000(guest)*' podman exec --user guest main id
  expect 0 '/tmp x' podman exec --workdir /tmp --env v=x main sh -c 'echo $PWD $v'
  expect 0 '*' podman exec --privileged main grep Cap /proc/self/status
  expect 0 'typed' podman_with_input typed exec -i main cat
  quietly podman exec -d main touch /tmp/detached
  wait_until podman exec main test -e /tmp/detached
  expect 0 '*1 sleep 1000*' podman exec main ps -o pid,args
  expect 0 '*sleep 1000*' podman top main args
  quietly podman rm -f -t 0 main
}

podman_with_input() {
  local input=$1
  shift
  echo "$input" | bounded podman "$@"
}

test_logs() {
  quietly podman run --name talker "$image" sh -c 'echo out; echo err >&2; echo end'
  expect 0 'out*' podman logs talker
  expect 0 '0 exited' podman inspect --format '{{.State.ExitCode}} {{.State.Status}}' talker
  quietly podman rm talker
}

test_start_stop_restart_kill() {
  quietly podman create --name steps "$image" sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
  expect 0 created podman inspect --format '{{.State.Status}}' steps
  quietly podman start steps
  expect 0 running podman inspect --format '{{.State.Status}}' steps
  quietly podman restart -t 20 steps
  quietly podman stop -t 20 steps
  expect 0 '3 exited' podman inspect --format '{{.State.ExitCode}} {{.State.Status}}' steps
  quietly podman start steps
  quietly podman kill steps
  expect 0 137 podman wait steps
  quietly podman rm steps
}

test_an_init_within() {
  expect 0 'podman-init' podman run --rm --init "$image" cat /proc/1/comm
}

test_healthcheck() {
  quietly podman run -d --name healthy --health-interval disable \
    --health-cmd 'test -e /tmp/well || exit 1' "$image" sleep 1000
  expect 1 '*' podman healthcheck run healthy
  quietly podman exec healthy touch /tmp/well
  expect 0 '*' podman healthcheck run healthy
  quietly podman rm -f -t 0 healthy
}

# The files of version 1, or of version 2.
limits='for f in memory/memory.limit_in_bytes memory.max pids/pids.max pids.max \
  cpu/cpu.shares cpu.weight cpu/cpu.cfs_quota_us cpu.max cpuset/cpuset.cpus cpuset.cpus; do
  [ ! -e /sys/fs/cgroup/$f ] || echo $f $(cat /sys/fs/cgroup/$f); done'

test_limits() {
  expect 0 '*67108864*' podman run --rm --memory 64m --pids-limit 99 --cpus 0.5 --cpu-shares 512 \
    --cpuset-cpus 0 "$image" sh -c "$limits"
  expect 137 '' podman run --rm --memory 16m "$image" dd if=/dev/zero of=/dev/null bs=64M count=1
  expect 0 '100 200' podman run --rm --ulimit nofile=100:200 "$image" \
    sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
}

test_without_cgroups() {
  differs "runc has no --cgroup-manager"
  expect 0 alone podman run --rm --cgroups disabled "$image" echo alone
  quietly podman run -d --name free --cgroups disabled "$image" sleep 1000
  expect 0 within podman exec free echo within
  quietly podman rm -f -t 0 free
}

test_namespaces() {
  expect 0 "$(namespace net)" podman run --rm --network host "$image" readlink /proc/self/ns/net
  expect 0 lo podman run --rm --network none "$image" ls /sys/class/net
  expect 0 "$(namespace pid)" podman run --rm --pid host "$image" readlink /proc/self/ns/pid
  expect 0 "$(namespace ipc)" podman run --rm --ipc host "$image" readlink /proc/self/ns/ipc
  expect 0 machine podman run --rm --uts host "$image" hostname
  quietly podman run -d --name first "$image" sleep 1000
  expect 0 '*sleep 1000*' podman run --rm --pid container:first "$image" ps
  quietly podman rm -f -t 0 first
}

test_a_network() {
  expect 0 '*inet 10.88.*' podman run --rm "$image" ip -4 addr show eth0
  quietly podman network create own
  quietly podman run -d --network own --name server "$image" \
    sh -c 'while :; do echo served | nc -l -p 80; done'
  wait_until prints served podman run --rm --network own "$image" nc server 80
  expect 0 served podman run --rm --network own "$image" nc server 80
  quietly podman rm -f -t 0 server
  quietly podman network rm own
}

test_user_namespaces() {
  expect 0 '*0*100000*1000*' podman run --rm --uidmap 0:100000:1000 --gidmap 0:100000:1000 \
    "$image" cat /proc/self/uid_map
  expect 0 'uid=0(root) gid=0(root)*' podman run --rm --uidmap 0:100000:1000 "$image" id
  quietly podman run -d --name mapped --uidmap 0:100000:1000 "$image" sleep 1000
  expect 0 'uid=0(root) gid=0(root)*' podman exec mapped id
  quietly podman rm -f -t 0 mapped
}

test_a_terminal() {
  at podman run -it --rm "$image" sh
  sees '# '
  types 'tty; stty size; exit 4\n'
  sees '/dev/pts/0'
  sees '33 99'
  leaves 4
}

test_exec_at_a_terminal() {
  quietly podman run -d --name main "$image" sleep 1000
  at podman exec -it main sh
  sees '# '
  types 'tty; exit 5\n'
  sees '/dev/pts/'
  leaves 5
  quietly podman rm -f -t 0 main
}

test_detach_and_attach() {
  at podman run -it --detach-keys ctrl-q --name lasting "$image" sh
  sees '# '
  types '\021'
  leaves 0
  expect 0 running podman inspect --format '{{.State.Status}}' lasting
  at podman attach lasting
  types '\n'
  sees '# '
  types 'echo st"ill"; exit 6\n'
  sees still
  leaves 6
  quietly podman rm lasting
}

test_pods() {
  quietly podman pod create --name peas
  quietly podman run -d --pod peas --name one "$image" sh -c 'while :; do echo pea | nc -l -p 80; done'
  wait_until prints pea podman run --rm --pod peas "$image" nc 127.0.0.1 80
  expect 0 pea podman run --rm --pod peas "$image" nc 127.0.0.1 80
  quietly podman pod stop -t 0 peas
  expect 0 '*' podman pod ps --format '{{.Name}} {{.Status}}'
  quietly podman pod rm -f peas
}

test_kube_play() {
  cat >kube.yaml <<YAML
apiVersion: v1
kind: Pod
metadata: {name: played}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: $image
    imagePullPolicy: Never
    command: [sleep, "1000"]
    env: [{name: WORD, value: from yaml}]
    resources: {limits: {memory: 64Mi}}
YAML
  quietly podman kube play kube.yaml
  expect 0 'from yaml' podman exec played-main sh -c 'echo $WORD'
  expect 0 'running' podman inspect --format '{{.State.Status}}' played-main
  quietly podman kube down kube.yaml
}

test_build() {
  cat >Containerfile <<BUILD
FROM $image
RUN echo built >/built && id -u
USER guest
RUN id -un && ! touch /no
BUILD
  expect 0 '*guest*' buildah bud --isolation oci --runtime "$runtime" --network none -q=false \
    -t built -f Containerfile .
  expect 0 built podman run --rm built cat /built
  quietly podman rmi built
}

test_preserved_descriptors() {
  expect 0 passed podman_with_descriptor
}

podman_with_descriptor() {
  bounded podman run --rm --preserve-fds 1 "$image" cat /proc/self/fd/3 3<<<passed
}

test_restart_policies() {
  quietly podman run -d --name again --restart on-failure:2 "$image" sh -c 'echo run; exit 1'
  wait_until prints '2 exited' podman inspect --format '{{.RestartCount}} {{.State.Status}}' again
  expect 0 $'run\nrun\nrun' podman logs again
  quietly podman rm again
}

test_pause() {
  quietly podman run -d --name still "$image" sleep 1000
  quietly podman pause still
  expect 0 paused podman inspect --format '{{.State.Status}}' still
  quietly podman unpause still
  expect 0 running podman inspect --format '{{.State.Status}}' still
  quietly podman pause still
  quietly podman rm -f -t 0 still
}

test_update() {
  quietly podman run -d --name changing --memory 64m "$image" sleep 1000
  quietly podman update --memory 128m --cpus 0.5 changing
  expect 0 '*134217728*' podman exec changing sh -c "$limits"
  quietly podman rm -f -t 0 changing
}

test_stats() {
  quietly podman run -d --name counted "$image" sleep 1000
  expect 0 'counted 1' podman stats --no-stream --format '{{.Name}} {{.PIDs}}' counted
  quietly podman rm -f -t 0 counted
}

slow_many_at_once() {
  local i pids=()
  for i in $(seq 40); do
    podman run --rm "$image" true & pids+=($!)
  done
  for i in "${pids[@]}"; do
    wait "$i" || fail "one of many failed"
  done
  expect 0 '' podman ps -a -q
}
