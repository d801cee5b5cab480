#!/bin/sh
# Give the new version of the web process all requests: of a blue-green that waits, or of a canary that
# had too few to be judged.
#
#   sh deploy/k8s/promote.sh ENVIRONMENT
set -eu
namespace=maitred-$1
# shellcheck source=deploy/k8s/words.sh
. "$(dirname "$0")/words.sh"
promote
