#!/usr/bin/env bash
# Fuzzes targets one after another: run.sh PROGRAM DIRECTORY SECONDS [TARGET...]
# What is found on the way is kept in DIRECTORY and taken up by the next run; an input that ends the
# program is left there as crash-*, and the run fails. Put it into tests/fuzz/corpus with its mending.
set -eu

program=$1
directory=$2
seconds=$3
shift 3
seeds=$(dirname "$0")/corpus
if [ "$#" -eq 0 ]; then
  # shellcheck disable=SC2046
  set -- $("$program")
fi

failed=''
for target in "$@"; do
  mkdir -p "$directory/$target"
  echo "== $target, $seconds s"
  if ! CREDENCE_FUZZ_TARGET=$target "$program" -max_total_time="$seconds" -timeout=20 \
    -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 -artifact_prefix="$directory/$target/" \
    "$directory/$target" "$seeds/$target" >"$directory/$target.log" 2>&1; then
    failed="$failed $target"
    tail -40 "$directory/$target.log"
  fi
  grep -E 'stat::(number_of_executed_units|average_exec_per_sec)|cov:' "$directory/$target.log" | tail -3
done
if [ -n "$failed" ]; then
  echo "findings:$failed" >&2
  exit 1
fi
