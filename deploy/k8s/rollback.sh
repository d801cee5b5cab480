#!/bin/sh
# Take the last release of an environment on Kubernetes back, once: each process that it changed returns to
# the version that it had. The schema stays.
#
#   sh deploy/k8s/rollback.sh ENVIRONMENT
set -eu
namespace=maitred-$1
# shellcheck source=deploy/k8s/words.sh
. "$(dirname "$0")/words.sh"
result=0

before=$(here get configmap last-release --ignore-not-found -o 'jsonpath={.data.before}')
if [ -z "$before" ]; then
    echo "!!! there is no release to take back: none is written down, or it was the first, or is taken back" >&2
    exit 1
fi
undone=""
for each in $before; do
    name=deployment/${each%=*}
    now=$(revision "$name") || { result=1 && continue; }
    [ "$now" != "${each#*=}" ] || continue
    here rollout undo "$name" --to-revision="${each#*=}" || result=1
    undone="$undone $name"
done
[ -n "$undone" ] || echo "the release changed no process; there is nothing to take back"
# Argo's Rollout follows the Deployment; what served before is not tried out anew
if led; then
    if seen; then
        hashes=$(here get rollouts.argoproj.io web -o 'jsonpath={.status.currentPodHash} {.status.stableRS}')
        [ "${hashes% *}" = "${hashes#* }" ] || promote || result=1
        well || result=1
    else
        result=1
    fi
fi
for each in $undone; do
    here rollout status "$each" --timeout=900s || result=1
done
[ $result != 0 ] || here delete configmap last-release
exit $result
