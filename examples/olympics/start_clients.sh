#!/usr/bin/env bash
# Starts stone tablets, which show medals and scores. What can be set here can be given as a flag too:
#   start_clients.sh [--server-ip HOST] [--server-port N] [--run-locally true|false] [--host HOST] [--pull N] [--push M] [--mode random|testing] [--rate SECONDS] [--logs DIR] [-- OPTION…]
# What stands behind -- goes to `stentor olympics tablets` as it is. See docs/olympics.md.
set -euo pipefail

server_ip=localhost # without http://
server_port=8000
run_locally=true    # false: the server is on another machine, and calls back to this one
host=               # with run_locally=false: this machine's address, as the server sees it; empty for the first one it has
pull=5              # tablets that ask
push=5              # tablets that are called
mode=random         # random: each wants random teams and events. testing: each wants Gaul and Stone Curling
rate=1              # seconds between two questions
logs=.              # client_logs and latencies go here

usage() {
  sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ $# -ge 2 ] || usage
  case "$1" in
    --server-ip) server_ip="$2" ;;
    --server-port) server_port="$2" ;;
    --run-locally) run_locally="$2" ;;
    --host) host="$2" ;;
    --pull) pull="$2" ;;
    --push) push="$2" ;;
    --mode) mode="$2" ;;
    --rate) rate="$2" ;;
    --logs) logs="$2" ;;
    *) usage ;;
  esac
  shift 2
done
[ $# -eq 0 ] || shift

case "$run_locally" in
  [Tt]rue) host=localhost ;;
  [Ff]alse)
    if [ -z "$host" ]; then
      host="$(hostname -I | awk '{ print $1 }')"
      [ -n "$host" ] || { echo "start_clients.sh: this machine's address cannot be told; give it with --host." >&2; exit 1; }
    fi
    ;;
  *) usage ;;
esac

exec "$(dirname "${BASH_SOURCE[0]}")/../../stentor" olympics tablets --server "$server_ip:$server_port" --host "$host" \
  --pull "$pull" --push "$push" --mode "$mode" --rate "$rate" --logs "$logs" "$@"
