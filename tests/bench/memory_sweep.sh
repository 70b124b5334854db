#!/usr/bin/env bash
# What a sweep takes beside the loaded model, against the --memory it was given: a table of
# site, memory given, memory taken at most.
#
# usage: memory_sweep.sh MODEL TASK SECONDS MEMORY… -- SITE…
#   headscope task make ioi --model smollm2 -n 200 -o ioi.jsonl
#   tests/bench/memory_sweep.sh smollm2 ioi.jsonl 60 200MB 500MB 2GB -- z pattern resid_pre
#
# A sweep's file is made when its model is loaded: what is resident then is the model's. There the
# program is stopped, its peak forgotten (/proc/PID/clear_refs), and it goes on until SECONDS after
# the first cell: the first prompts take as much as any others.
set -euo pipefail
program=${HEADSCOPE:-$(dirname "$0")/../../build/headscope}
model=$1 task=$2 seconds=$3
shift 3
memories=()
while [ "$1" != -- ]; do memories+=("$1"); shift; done
shift

field() { awk -v f="$2:" '$1 == f { print $2 }' "/proc/$1/status" 2>/dev/null; }

measure() { # SITE MEMORY
  local out over=layer,head before peak now=0 end=0 pid
  out=$(mktemp -u /tmp/memory_sweep.XXXXXX.h5)
  case $1 in resid_*|*_out) over=layer ;; esac
  "$program" patch "$model" --task "$task" --site "$1" --over "$over" --memory "$2" -o "$out" \
    >/dev/null 2>"$out.err" &
  pid=$!
  until [ -e "$out" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.002; done
  kill -STOP $pid 2>/dev/null || { tail -1 "$out.err"; rm -f "$out" "$out.err"; return; }
  before=$(field $pid VmRSS)
  echo 5 >"/proc/$pid/clear_refs"
  kill -CONT $pid
  while peak=$(field $pid VmHWM) && [ -n "$peak" ] && { [ $end = 0 ] || [ $SECONDS -lt $end ]; }; do
    now=$peak
    if [ $end = 0 ] && "$program" inspect "$out" &>/dev/null; then end=$((SECONDS + seconds)); fi
    sleep 0.2
  done
  kill -KILL $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  rm -f "$out" "$out.err"
  printf '%-10s %8s given %8.0f MB taken (model %4.0f MB)\n' "$1" "$2" \
    "$(bc -l <<<"($now - $before) * 1.024 / 1000")" "$(bc -l <<<"$before * 1.024 / 1000")"
}

for site in "$@"; do
  for memory in "${memories[@]}"; do measure "$site" "$memory"; done
done
