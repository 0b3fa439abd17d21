#!/usr/bin/env bash
# Starts the server of the scoreboard. What can be set here can be given as a flag too:
#   start_server.sh [--run-locally true|false] [--port N] [--secret-file FILE] [--logs DIR] [-- OPTION…]
# What stands behind -- goes to `stentor olympics server` as it is. See docs/olympics.md.
set -euo pipefail

run_locally=true              # false: programs on other machines may call it
port=8000
secret_file=cacophonix.secret # the password of the one who writes; made when it is not there
logs=.                        # log_server.txt goes here

usage() {
  sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ $# -ge 2 ] || usage
  case "$1" in
    --run-locally) run_locally="$2" ;;
    --port) port="$2" ;;
    --secret-file) secret_file="$2" ;;
    --logs) logs="$2" ;;
    *) usage ;;
  esac
  shift 2
done
[ $# -eq 0 ] || shift

case "$run_locally" in
  [Tt]rue) listen=(--listen "http://127.0.0.1:$port") ;;
  # Without TLS the password can be read on the way: --insecure says that this is known.
  [Ff]alse) listen=(--listen "http://0.0.0.0:$port" --insecure) ;;
  *) usage ;;
esac

exec "$(dirname "${BASH_SOURCE[0]}")/../../stentor" olympics server "${listen[@]}" --secret-file "$secret_file" --logs "$logs" "$@"
