#!/usr/bin/env bash
# Starts Cacophonix, who writes medals and scores. What can be set here can be given as a flag too:
#   start_olympics.sh [--server-ip HOST] [--server-port N] [--port N] [--mode random|testing] [--rate SECONDS] [--secret-file FILE] [--logs DIR] [-- OPTION…]
# What stands behind -- goes to `stentor olympics cacophonix` as it is. See docs/olympics.md.
set -euo pipefail

server_ip=localhost           # without http://
server_port=8000
port=8001                     # the port of this machine that Cacophonix calls from; 0 for any
mode=random                   # random: random updates, up to a rate apart. testing: Gaul wins and leads at every rate
rate=1                        # seconds
secret_file=cacophonix.secret # the password; start_server.sh makes it
logs=.                        # log_cacophonix.txt goes here

usage() {
  sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ $# -ge 2 ] || usage
  case "$1" in
    --server-ip) server_ip="$2" ;;
    --server-port) server_port="$2" ;;
    --port) port="$2" ;;
    --mode) mode="$2" ;;
    --rate) rate="$2" ;;
    --secret-file) secret_file="$2" ;;
    --logs) logs="$2" ;;
    *) usage ;;
  esac
  shift 2
done
[ $# -eq 0 ] || shift

exec "$(dirname "${BASH_SOURCE[0]}")/../../stentor" olympics cacophonix --server "$server_ip:$server_port" --port "$port" \
  --mode "$mode" --rate "$rate" --secret-file "$secret_file" --logs "$logs" "$@"
