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
echo "!!! the smoke test failed: rolling back the release" >&2
if ! sh "$(dirname "$0")/rollback.sh" "$environment"; then
    echo "!!! NOT rolled back: $environment needs an operator now" >&2
    exit 1
fi
# shellcheck disable=SC2086
if $smoke "$url" "$restaurant"; then
    echo "!!! rolled back: the previous version is deployed in $environment, and works" >&2
else
    echo "!!! rolled back, but the smoke test still fails: the version is not the cause" >&2
fi
exit 1
