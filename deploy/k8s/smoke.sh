#!/bin/sh
# The smoke test after a release. If it fails, roll back the release, report that, and exit with 1.
#
#   sh deploy/k8s/smoke.sh ENVIRONMENT URL RESTAURANT
#
# SMOKE is the command that is called with URL and RESTAURANT.
set -eu
environment=$1
url=${2:?the address of the installation}
restaurant=${3:?a restaurant that takes reservations}
smoke=${SMOKE:-python3 -m deploy.smoke}

# shellcheck disable=SC2086  # a command and its arguments
if $smoke "$url" "$restaurant"; then
    exit 0
fi
echo "!!! the smoke test failed: the release is taken back" >&2
if ! sh "$(dirname "$0")/rollback.sh" "$environment"; then
    echo "!!! NOT taken back: $environment needs somebody now" >&2
    exit 1
fi
# shellcheck disable=SC2086
if $smoke "$url" "$restaurant"; then
    echo "!!! taken back: the version before is in place in $environment, and works" >&2
else
    echo "!!! taken back, and the smoke test fails all the same: it is not the version" >&2
fi
exit 1
