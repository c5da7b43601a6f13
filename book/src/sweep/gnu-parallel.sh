#!/usr/bin/env bash
# A sweep on this machine's cores through GNU parallel (or xargs -P): N parts, then one file.
# usage: gnu-parallel.sh PLAN.toml RESULTS.jsonl [N]
set -euo pipefail
plan=$1 results=$2 parts=${3:-$(nproc)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A part for each core: one run at a time in each.
export RAYON_NUM_THREADS=1
seq 0 $((parts - 1)) |
    parallel --will-cite "halfclose sweep '$plan' --shard {}/$parts -o '$work/part-{}.jsonl'"
halfclose merge "$plan" "$work"/part-*.jsonl -o "$results"
