# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# dockerd 20.10 with a containerd of its own.

start_caller() {
  export DOCKER_CONFIG=$folder/docker-config
  start_daemon dockerd dockerd --host unix:///run/docker.sock --data-root "$folder/root" \
    --exec-root /run/docker --pidfile /run/docker.pid --add-runtime "tested=$runtime" \
    --default-runtime tested
  (wait_until docker version) || return
  docker load -i "$image_file"
}

# What a failed scenario may have left.
clean_caller() {
  local ids
  ids=$(docker ps -a -q)
  # shellcheck disable=SC2086
  [ -z "$ids" ] || docker rm -f $ids
  docker network prune -f
}

stop_caller() {
  clean_caller
  docker rmi -f "$image"
  stop_daemon dockerd
  rm -rf /run/docker/netns
}

test_info_names_the_runtime() {
  expect 0 tested docker info --format '{{.DefaultRuntime}}'
  expect 0 "$runtime" docker info --format '{{(index .Runtimes "tested").Path}}'
}

test_run_and_its_exit_statuses() {
  expect 0 hello docker run --rm "$image" echo hello
  expect 7 '' docker run --rm "$image" sh -c 'exit 7'
  expect 143 Terminated docker run --rm "$image" sh -c 'sh -c "kill -TERM \$\$"; exit $?'
  expect 127 '*exec: "missing": executable file not found in $PATH*' docker run --rm "$image" missing
  expect 127 '*no such file or directory*' docker run --rm "$image" /bin/missing
  expect 126 '*permission denied*' docker run --rm "$image" /etc/plain
  expect 126 '*' docker run --rm "$image" /etc
  expect 125 '*' docker run --rm --no-such-option "$image" true
  expect 125 '*' docker run --rm --sysctl net.no.such=1 "$image" true
  expect 0 '' docker ps -a -q
}

test_run_by_the_name_of_the_runtime() {
  expect 0 hello docker run --rm --runtime tested "$image" echo hello
}

test_run_with_an_identity() {
  expect 0 'uid=1000(guest) gid=1000(guest) groups=*' docker run --rm --user guest "$image" id
  expect 0 'uid=5 gid=6*' docker run --rm --user 5:6 --group-add 7 "$image" id
  expect 0 web docker run --rm --hostname web "$image" hostname
  expect 0 /tmp docker run --rm --workdir /tmp "$image" pwd
  expect 0 '*CapEff:?0000000000000000*' docker run --rm --cap-drop all "$image" \
    grep Cap /proc/self/status
  expect 0 '*Seccomp:?2' docker run --rm --cap-add SYS_TIME "$image" \
    grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status
  expect 0 '*Seccomp:?0' docker run --rm --security-opt seccomp=unconfined "$image" \
    grep Seccomp: /proc/self/status
}

test_run_with_files() {
  mkdir -p volume && echo content >volume/file
  expect 0 content docker run --rm -v "$folder/volume:/data:ro" "$image" cat /data/file
  expect 1 '*ead-only file system*' docker run --rm -v "$folder/volume:/data:ro" "$image" \
    touch /data/new
  expect 1 '*ead-only file system*' docker run --rm --read-only "$image" touch /new
  expect 0 '*size=1024k*' docker run --rm --tmpfs /scratch:size=1m "$image" \
    grep ' /scratch ' /proc/mounts
  expect 0 '*' docker run --rm "$image" sh -c 'awk "{print \$2, \$3}" /proc/mounts | sort'
  expect 0 'crw*' docker run --rm --device /dev/fuse "$image" ls -l /dev/fuse
  expect 0 123 docker run --rm --sysctl net.core.somaxconn=123 "$image" \
    cat /proc/sys/net/core/somaxconn
  quietly docker volume create data
  expect 0 '' docker run --rm -v data:/data "$image" sh -c 'echo kept >/data/file'
  expect 0 kept docker run --rm -v data:/data "$image" cat /data/file
  quietly docker volume rm data
}

test_exec_and_its_exit_statuses() {
  quietly docker run -d --name main "$image" sleep 1000
  expect 0 inside docker exec main echo inside
  expect 9 '' docker exec main sh -c 'exit 9'
  expect 126 '*executable file not found*' docker exec main missing
  expect 126 '*permission denied*' docker exec main /etc/plain
  expect 0 'uid=1000(guest)*' docker exec --user guest main id
  expect 0 '/tmp x' docker exec --workdir /tmp --env v=x main sh -c 'echo $PWD $v'
  expect 0 '*sleep 1000*' docker top main -o pid,args
  quietly docker rm -f main
}

test_logs() {
  quietly docker run --name talker "$image" sh -c 'echo out; echo err >&2; echo end'
  expect 0 'out*' docker logs talker
  expect 0 '0 exited' docker inspect --format '{{.State.ExitCode}} {{.State.Status}}' talker
  quietly docker rm talker
}

test_start_stop_restart_kill() {
  quietly docker create --name steps "$image" sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
  expect 0 created docker inspect --format '{{.State.Status}}' steps
  quietly docker start steps
  quietly docker restart -t 20 steps
  quietly docker stop -t 20 steps
  expect 0 '3 exited' docker inspect --format '{{.State.ExitCode}} {{.State.Status}}' steps
  quietly docker start steps
  quietly docker kill steps
  expect 0 137 docker wait steps
  quietly docker rm steps
}

test_limits() {
  expect 0 67108864 docker run --rm --memory 64m "$image" \
    cat /sys/fs/cgroup/memory/memory.limit_in_bytes
  expect 0 50000 docker run --rm --cpus 0.5 "$image" cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us
  expect 0 99 docker run --rm --pids-limit 99 "$image" cat /sys/fs/cgroup/pids/pids.max
  expect 0 0 docker run --rm --cpuset-cpus 0 "$image" cat /sys/fs/cgroup/cpuset/cpuset.cpus
  expect 0 '100 200' docker run --rm --ulimit nofile=100:200 "$image" \
    sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
  expect 137 '' docker run --name big --memory 16m "$image" dd if=/dev/zero of=/dev/null bs=64M \
    count=1
  expect 0 true docker inspect --format '{{.State.OOMKilled}}' big
  quietly docker rm big
}

test_a_network() {
  expect 0 '*inet 172.*' address_of docker run --rm "$image" ip -4 addr show eth0
  quietly docker network create own
  quietly docker run -d --network own --name server "$image" \
    sh -c 'while :; do echo served | nc -l -p 80; done'
  wait_until prints served docker run --rm --network own "$image" nc server 80
  expect 0 "$(namespace net)" docker run --rm --network host "$image" \
    readlink /proc/self/ns/net
  expect 0 lo docker run --rm --network none "$image" ls /sys/class/net
  quietly docker rm -f server
  quietly docker network rm own
}

address_of() {
  bounded "$@" | grep -o 'inet 172[.]1[0-9]'
}

test_a_terminal() {
  at docker run -it --rm "$image" sh
  sees '# '
  types 'tty; stty size; exit 4\n'
  sees '/dev/pts/0'
  sees '33 99'
  leaves 4
}

test_exec_at_a_terminal() {
  quietly docker run -d --name main "$image" sleep 1000
  at docker exec -it main sh
  sees '# '
  types 'tty; exit 5\n'
  sees '/dev/pts/'
  leaves 5
  quietly docker rm -f main
}

test_detach_and_attach() {
  at docker run -it --detach-keys ctrl-q --name lasting "$image" sh
  sees '# '
  types '\021'
  leaves 0
  expect 0 running docker inspect --format '{{.State.Status}}' lasting
  at docker attach lasting
  types '\n'
  sees '# '
  types 'echo st"ill"; exit 6\n'
  sees still
  leaves 6
  quietly docker rm lasting
}

test_restart_policies() {
  quietly docker run -d --name again --restart on-failure:2 "$image" sh -c 'echo run; exit 1'
  wait_until prints '2 exited' docker inspect --format '{{.RestartCount}} {{.State.Status}}' again
  expect 0 $'run\nrun\nrun' docker logs again
  quietly docker rm again
}

test_build() {
  cat >Dockerfile <<BUILD
FROM $image
RUN echo built >/built
USER guest
RUN id -un && ! touch /no
BUILD
  quietly docker build --network none -t built -f Dockerfile .
  expect 0 'built' docker run --rm built cat /built
  quietly docker rmi built
}

test_pause() {
  quietly docker run -d --name still "$image" sleep 1000
  quietly docker pause still
  expect 0 paused docker inspect --format '{{.State.Status}}' still
  quietly docker unpause still
  expect 0 running docker inspect --format '{{.State.Status}}' still
  quietly docker pause still
  quietly docker rm -f still
}

test_update() {
  quietly docker run -d --name changing --memory 64m "$image" sleep 1000
  quietly docker update --memory 128m --memory-swap 256m --cpu-shares 512 --pids-limit 77 changing
  expect 0 134217728 docker exec changing cat /sys/fs/cgroup/memory/memory.limit_in_bytes
  expect 0 512 docker exec changing cat /sys/fs/cgroup/cpu/cpu.shares
  expect 0 77 docker exec changing cat /sys/fs/cgroup/pids/pids.max
  quietly docker rm -f changing
}

test_stats() {
  quietly docker run -d --name counted --memory 64m "$image" sleep 1000
  expect 0 'counted 1 * / 64MiB' docker_stats counted
  quietly docker rm -f counted
}

# What is used differs from time to time.
docker_stats() {
  bounded docker stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' "$1" |
    sed -E 's/ [0-9.]+[KM]iB / SOME /'
}

test_healthcheck() {
  quietly docker run -d --name healthy --health-interval 1s --health-cmd 'test -e /tmp/well' \
    --health-retries 1 "$image" sleep 1000
  wait_until prints unhealthy docker inspect --format '{{.State.Health.Status}}' healthy
  quietly docker exec healthy touch /tmp/well
  wait_until prints healthy docker inspect --format '{{.State.Health.Status}}' healthy
  quietly docker rm -f healthy
}

slow_many_at_once() {
  local i pids=()
  for i in $(seq 40); do
    docker run --rm "$image" true & pids+=($!)
  done
  for i in "${pids[@]}"; do
    wait "$i" || fail "one of many failed"
  done
  expect 0 '' docker ps -a -q
}
