# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scenarios of tests/callers/CALLER.sh are written with. A scenario is a function test_NAME,
# or slow_NAME if only `make test-callers-all` runs it; what it prints is its transcript, which must
# be the same with every runtime. It runs in a shell of its own, which a false expectation ends.
#
# Given: $runtime, the program under test; $folder, for files; $image, a name; $image_file.

# expect STATUS PATTERN COMMAND...: the command must end with that status and print (both streams, in
# full, without newlines at the end) what the shell pattern matches. Standard input is empty. A
# command that is a function must bound its time itself.
expect() {
  local wanted=$1 pattern=$2 output status
  shift 2
  echo "\$ $*"
  output=$(bounded "$@" 2>&1 </dev/null)
  status=$?
  printf '%s\n[%s]\n' "$output" "$status"
  [ "$status" = "$wanted" ] || fail "expected status $wanted"
  # shellcheck disable=SC2053  # the right side is a pattern
  [[ $output == $pattern ]] || fail "expected $pattern"
}

bounded() {
  if declare -F "$1" >/dev/null; then
    "$@"
  else
    timeout -k 5 60 "$@"
  fi
}

# The same where the output is of no interest, such as an identifier: it is not in the transcript.
quietly() {
  local output status
  echo "\$ $*"
  output=$(bounded "$@" 2>&1 </dev/null)
  status=$?
  [ $status = 0 ] || fail "status $status: $output"
}

fail() {
  echo "FAILED: $*"
  exit 1
}

# This runtime is not compared with the other one, for the reason given. Comes first in a scenario.
differs() {
  echo "DIFFERS: $*"
  [ "$role" = subject ] || exit 0
}

skip() {
  echo "SKIPPED: $*"
  exit 0
}

# The machine's own namespace of a kind, as a pattern.
namespace() {
  local name
  name=$(readlink "/proc/self/ns/$1")
  echo "${name/\[/\\[}"
}

# Until a command succeeds: what engines do later than they answer.
wait_until() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    "$@" >/dev/null 2>&1 </dev/null && return 0
    sleep 0.1
  done
  fail "never succeeded: $*: $("$@" 2>&1 </dev/null)"
}

# prints PATTERN COMMAND...: whether what the command prints matches; for wait_until.
prints() {
  local pattern=$1
  shift
  # shellcheck disable=SC2053
  [[ $("$@" 2>&1 </dev/null) == $pattern ]]
}

# ---- daemons, by the name of their log

declare -A daemons=()

start_daemon() {
  local name=$1
  shift
  "$@" >"$folder/$name.log" 2>&1 </dev/null &
  daemons[$name]=$!
}

# Ends it as an administrator would, and waits.
stop_daemon() {
  local pid=${daemons[$1]}
  kill -TERM "$pid" && timeout 30 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
  wait "$pid" 2>/dev/null
}

# ---- a person at a terminal: at COMMAND; sees PATTERN; types TEXT; leaves STATUS

# Starts a command line on a terminal of 33 rows and 99 columns.
at() {
  echo "\$ $* (at a terminal)"
  coproc person { exec script -qefc "stty rows 33 cols 99; exec $*" /dev/null 2>&1; }
  screen=''
}

# Reads until the pattern has been seen; what came is forgotten.
sees() {
  local text
  # shellcheck disable=SC2053
  while [[ $screen != *$1* ]]; do
    IFS= read -r -t 30 -N 1 -u "${person[0]}" text || fail "expected $1 on the screen: $screen"
    screen+=${text//$'\r'/}
  done
  screen=''
  echo "sees $1"
}

types() {
  printf "$1" >&"${person[1]}"
}

leaves() {
  local pid=$person_PID status
  # What comes until the end is read, so that nobody waits for a reader.
  timeout 30 cat <&"${person[0]}" >/dev/null || kill -KILL "$pid"
  wait "$pid"
  status=$?
  echo "[$status]"
  [ $status = "$1" ] || fail "expected status $1 of the terminal's command"
}
