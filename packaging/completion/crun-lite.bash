# SPDX-License-Identifier: Apache-2.0
# Bash completion of crun-lite. Verbs and options come from the program's own help, containers and
# images from what is there, so that nothing here grows old.

# The words behind two blanks in a part of the help: `  create   make a container ...`.
_crun_lite_verbs() {
  "$@" --help 2>/dev/null | sed -n '/^\(Commands\|Verbs\):/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

_crun_lite_options() {
  { "$@" --help 2>/dev/null && echo '  --help'; } |
    sed -n 's/^  .\{0,4\}\(--[a-z][a-z-]*\).*/\1/p' | sort -u
}

# Whether an option of that name takes a value: then a word in capitals stands behind it.
_crun_lite_takes_value() {
  local option=$1
  shift
  "$@" --help 2>/dev/null | grep -q -- "^  .\{0,4\}$option [A-Z]\|^  $option, --[a-z-]* [A-Z]"
}

_crun_lite_complete() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local program=${COMP_WORDS[0]} command=() global=() word i
  command -v "$program" >/dev/null || return
  command=("$program")
  # The verb is the first word that is neither an option nor the value of one.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == -- ]]; then return; fi
    if [[ $word == -* ]]; then
      if [[ $word == --root || $word == --store ]]; then
        global+=("$word" "${COMP_WORDS[i + 1]}")
      fi
      if [[ $word != *=* ]] && _crun_lite_takes_value "$word" "${command[@]}"; then i=$((i + 1)); fi
    elif [[ ${#command[@]} == 1 || (${#command[@]} == 2 && ${command[1]} == image) ]]; then
      command+=("$word")
    fi
  done
  COMPREPLY=()
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_crun_lite_options "${command[@]}")" -- "$cur")
    return
  fi
  _crun_lite_value && return
  case ${command[*]:1} in
    '' | image)
      mapfile -t COMPREPLY < <(compgen -W "$(_crun_lite_verbs "${command[@]}")" -- "$cur")
      ;;
    start | kill | delete | exec | state | ps | pause | resume | update | events | checkpoint)
      mapfile -t COMPREPLY < <(
        compgen -W "$("$program" "${global[@]}" list --quiet 2>/dev/null)" -- "$cur"
      )
      ;;
    'image inspect' | 'image rm' | 'image unpack') _crun_lite_images ;;
    'image import') _crun_lite_files ;;
  esac
}

# The value of the option before the word.
_crun_lite_value() {
  case $prev in
    --bundle | -b | --root | --store | --rootfs | --process | --pid-file | --log | --ro | --rw | \
      --config | --console-socket | --resources | -r | --image-path | --work-path | --criu)
      _crun_lite_files
      ;;
    --log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur") ;;
    --log-level) mapfile -t COMPREPLY < <(compgen -W 'debug info warn error' -- "$cur") ;;
    --cgroup-manager) mapfile -t COMPREPLY < <(compgen -W 'cgroupfs disabled' -- "$cur") ;;
    --manage-cgroups-mode) mapfile -t COMPREPLY < <(compgen -W 'soft ignore' -- "$cur") ;;
    --empty-ns) mapfile -t COMPREPLY < <(compgen -W 'network' -- "$cur") ;;
    --net) mapfile -t COMPREPLY < <(compgen -W 'none host' -- "$cur") ;;
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    --image) _crun_lite_images ;;
    *) [[ $prev == -* ]] && _crun_lite_takes_value "$prev" "${command[@]}" ;;
  esac
}

_crun_lite_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_crun_lite_images() {
  compopt +o nospace 2>/dev/null
  mapfile -t COMPREPLY < <(
    compgen -W "$("$program" image ls "${global[@]}" 2>/dev/null | awk 'NR > 1 {print $1}')" -- "$cur"
  )
}

complete -F _crun_lite_complete crun-lite
