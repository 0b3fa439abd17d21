#!/bin/sh
# Installs the peers that Stentor.Load measures against, from Debian. Does nothing where they are there already.
set -eu

missing=""
for peer in nats-server redis-server mosquitto; do
  command -v "$peer" > /dev/null 2>&1 || [ -x "/usr/sbin/$peer" ] || missing="$missing $peer"
done

if [ -z "$missing" ]; then
  echo "All peers are installed."
  exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
  echo "Needs root to install:$missing. Run: sudo $0" >&2
  exit 1
fi

# The packages would start services on their default ports; the load tool starts its own, on free ports, with temporary directories.
# A policy that forbids it for the time of the installation, unless there is one already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # One word a package is meant.
apt-get install -q -y --no-install-recommends $missing
