#!/usr/bin/env bash
# Runs the case against a real server on a ledger of its own: demo.sh PROGRAM [DIRECTORY]
# DIRECTORY (build/demo where absent) is made anew; it is left behind, so that the ledger can be
# served again.
set -euo pipefail

program=$1
directory=${2:-build/demo}
files=$(dirname "$0")
# The day of the last report; the deadline is a year away.
day=2021-11-02T12:00:00Z

say() { printf '\n== %s\n\n' "$*"; }

rm -rf "$directory"
mkdir -p "$directory"
data=$directory/ledger
server=''
stop() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=''
  fi
}
trap stop EXIT

start() {
  "$program" serve --data "$data" --listen 127.0.0.1:0 --port-file "$directory/port" \
    2>"$directory/server.log" &
  server=$!
  for _ in $(seq 100); do
    if [ -s "$directory/port" ]; then
      export CREDENCE_ENDPOINT=127.0.0.1:$(cat "$directory/port")
      return
    fi
    if ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo 'the server did not start:' >&2
  cat "$directory/server.log" >&2
  exit 1
}

say 'A new ledger; its verifier key is'
"$program" init --data "$data" --origin demo.example/afghanistan-2021
start

say 'The case is loaded: the network first, then what was reported and forecast, then the outcome'
for file in "$files"/[0-9]*.yaml; do "$program" apply -f "$file"; done

say 'The question'
"$program" question get china-recognizes

say 'The probability over time, as it was published'
"$program" posterior history china-recognizes

say "The evidence bridge on $day: what each report moved, in decibans, with its source and grade"
"$program" posterior explain china-recognizes --effective-time "$day"

say "What to watch next, on $day"
"$program" indicator rank china-recognizes --effective-time "$day"

say 'What if Russia cooled towards India?'
"$program" posterior simulate china-recognizes --effective-time "$day" \
  --observe india-engagement=cools

say 'How it ended'
for question in china-recognizes russia-recognizes joint-recognition; do
  "$program" question get "$question" | grep -E '^(title|outcome|resolved|why) '
  echo
done

say 'Brier and log scores on this question, of the model, the pools and the forecasters'
"$program" score list --question china-recognizes | grep -E 'RULE|timeweighted'

say 'All three questions: mean Brier score over the open time, lower is better'
"$program" score leaderboard --backfilled --rule brier.half.timeweighted
echo
"$program" score leaderboard --backfilled --rule log.timeweighted

stop
say 'The whole ledger, derived anew from its log'
"$program" rebuild --check --data "$data"

say 'To go on with this ledger, start a server and open its page'
printf '  %s serve --data %s\n' "$program" "$data"
printf '  xdg-open http://127.0.0.1:7701/questions/china-recognizes\n'
