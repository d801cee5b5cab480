#!/bin/sh
# Route all requests to the new version of the web process: for a waiting blue-green release, or for a
# canary with too few requests for a verdict. Waits until that is done, which ends the release.
#
#   sh deploy/k8s/promote.sh ENVIRONMENT
set -eu
namespace=maitred-$1
# shellcheck source=deploy/k8s/words.sh
. "$(dirname "$0")/words.sh"
promote
await_healthy quietly || {
    echo "!!! the new version did not become healthy: make rollback ENVIRONMENT=$1" >&2
    exit 1
}
state=$(here get configmap last-release --ignore-not-found -o 'jsonpath={.data.state}')
[ "$state" != "with Argo" ] || here patch configmap last-release --type=merge -p '{"data":{"state":"done"}}'
