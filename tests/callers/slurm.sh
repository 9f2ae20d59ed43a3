# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Slurm 22.05: munged, slurmctld and one slurmd, with an oci.conf that runs the program under test.

start_caller() {
  local node
  node=$(hostname)
  mkdir -p etc spool/ctld spool/d bundle/rootfs
  export SLURM_CONF=$folder/etc/slurm.conf
  printf '%01024d' 7 >etc/munge.key && chmod 400 etc/munge.key
  tar -xOf "$image_file" ./layer.tar | tar -xf - -C bundle/rootfs
  cat >"$SLURM_CONF" <<CONF
ClusterName=callers
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=/run/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/spool/ctld
SlurmdSpoolDir=$folder/spool/d
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$node Default=YES State=UP OverSubscribe=FORCE:8
CONF
  cat >etc/oci.conf <<CONF
CreateEnvFile=false
RunTimeQuery="$runtime --root=/run/oci state %n.%u.%j.%s.%t"
RunTimeKill="$runtime --root=/run/oci kill -a %n.%u.%j.%s.%t SIGTERM"
RunTimeDelete="$runtime --root=/run/oci delete --force %n.%u.%j.%s.%t"
RunTimeRun="$runtime --root=/run/oci run --bundle %b %n.%u.%j.%s.%t"
CONF
  make_bundle || return
  start_daemon munged munged --foreground --force --key-file="$folder/etc/munge.key" \
    --socket=/run/munge.socket --pid-file=/run/munged.pid --log-file="$folder/munge.log" \
    --seed-file="$folder/munge.seed"
  (wait_until test -S /run/munge.socket) || return
  start_daemon slurmctld slurmctld -D
  start_daemon slurmd slurmd -D
  (wait_until prints idle sinfo -h -o %T)
}

# Slurm puts in the arguments, the root and its own mounts.
make_bundle() {
  (cd bundle && rm -f config.json && "$runtime" spec) || return
  sed -i -e 's/"terminal": *true/"terminal": false/' -e 's/"readonly": *true/"readonly": false/' \
    bundle/config.json
}

clean_caller() {
  scancel --user root
  (wait_until prints '' squeue -h)
}

stop_caller() {
  clean_caller
  stop_daemon slurmd
  stop_daemon slurmctld
  stop_daemon munged
}

# Slurm reads what "state" says on standard error as JSON too, and complains of it.
job() {
  bounded srun --container="$folder/bundle" "$@" 2> >(grep -v -i json >&2)
}

test_srun_and_its_exit_statuses() {
  expect 0 hello job echo hello
  expect 7 '*Exited with exit code 7*' job sh -c 'exit 7'
  expect 0 'uid=0(root)*' job id
  expect 0 1 job sh -c 'echo $$'
  expect 0 'not a program' job cat /etc/plain
  expect 0 $'task\ntask' job -n 2 --overcommit sh -c 'echo task'
}

# Waits for a job, and prints how it ended.
ended() {
  wait_until prints '*JobState=@(COMPLETED|FAILED|CANCELLED|TIMEOUT)*' scontrol show job "$1"
  scontrol show job "$1" | grep -o -E '(JobState|ExitCode)=[^ ]*'
}

submit() {
  bounded sbatch --parsable --container="$folder/bundle" "$@"
}

write_job() {
  printf '#!/bin/sh\n%s\n' "$1" >job.sh
}

test_sbatch() {
  local id
  write_job 'echo batch; exit 3'
  id=$(submit --output="$folder/batch.out" job.sh) || fail "cannot submit"
  expect 0 'JobState=FAILED*ExitCode=3:0' ended "$id"
  expect 0 'batch' cat batch.out
}

test_an_array() {
  local id
  write_job 'echo task $SLURM_ARRAY_TASK_ID'
  id=$(submit --array=0-3 --output="$folder/array.%a" job.sh) || fail "cannot submit"
  wait_until prints '' squeue -h -j "$id"
  expect 0 $'task 0\ntask 1\ntask 2\ntask 3' cat array.0 array.1 array.2 array.3
}

test_dependencies() {
  local first second
  write_job 'exit 1'
  first=$(submit --output=/dev/null job.sh) || fail "cannot submit"
  write_job 'echo after'
  second=$(submit --dependency="afterany:$first" --output="$folder/after.out" job.sh) ||
    fail "cannot submit"
  expect 0 'JobState=COMPLETED*' ended "$second"
  expect 0 after cat after.out
}

test_scancel() {
  local id
  write_job 'echo begun; sleep 1000'
  id=$(submit --output="$folder/cancelled.out" job.sh) || fail "cannot submit"
  wait_until grep begun cancelled.out
  quietly scancel "$id"
  expect 0 'JobState=CANCELLED*' ended "$id"
  wait_until prints '' containers_of_slurm
  wait_until prints '' pgrep -x sleep
}

containers_of_slurm() {
  "$runtime" --root=/run/oci list -q
}
