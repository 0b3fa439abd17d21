#!/usr/bin/env bash
# The long versions of the end-to-end tests: hours of kills, a thousand stalled readers that all read on, regions under an hour of faults. `./test.sh` has short versions.
#
#   ./soak.sh                          all of them
#   ./soak.sh -class '*KillTests'      what follows goes to the test program (xunit.v3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export TEST_SECONDS_MAX=$((24 * 3600))
exec ./test.sh EndToEnd -- -explicit only -showLiveOutput "$@"
