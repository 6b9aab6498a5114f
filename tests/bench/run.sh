#!/usr/bin/env bash
# run.sh BUILD OUTPUT: runs every benchmark of BUILD and writes its figures to OUTPUT/*.json.
set -euo pipefail
build=$1
output=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
echo "machine: $(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(uname -sr)"
"$build/bin/credence_server_bench" "$build/bin/credence" "$root/examples/afghanistan-2021" \
  "$output/server.json"
# Debian's NumPy, on one thread as the program is.
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 /usr/bin/python3 "$root/tests/bench/score_bench.py" \
  "$build/bin/credence" "$output/score.json"
"$build/bin/credence_forecaster_bench" "$root/../shared/data/networks" "$output/forecaster.json"
"$build/bin/credence_verify_bench" 1000000 "$output/verify.json"
"$build/bin/credence_report_bench" "$output/reports.json"
"$build/bin/credence_gateway_bench" "$output/gateway.json"
