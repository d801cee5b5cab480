#!/bin/sh
# Roll back the last release of an environment on Kubernetes, once: each process that it changed returns to
# its previous version. The schema stays.
#
#   sh deploy/k8s/rollback.sh ENVIRONMENT
set -eu
namespace=maitred-$1
# shellcheck source=deploy/k8s/words.sh
. "$(dirname "$0")/words.sh"
result=0

before=$(here get configmap last-release --ignore-not-found -o 'jsonpath={.data.before}')
if [ -z "$before" ]; then
    echo "!!! no release to roll back: none is recorded, or it was the first, or is already rolled back" >&2
    exit 1
fi
if ! leads=$(leader) || ! sets=$(versions); then
    echo "!!! the cluster does not answer: nothing was rolled back" >&2
    exit 1
fi
undone=""
processes=""
for each in $before; do
    name=deployment/${each%=*}
    processes="$processes $name"
    now=$(revision "$name") || { result=1 && continue; }
    was=${each#*=}
    case $was in
        # look up the current number of a name; earlier releases recorded the number itself
        *[!0-9]*) was=$(echo "$sets" | awk -v name="$was" '$2 == name {print $3}') ;;
    esac
    [ -n "$was" ] || { echo "!!! the cluster no longer has ${each#*=} of $name" >&2 && result=1 && continue; }
    [ "$now" != "$was" ] || continue
    here rollout undo "$name" --to-revision="$was" || result=1
    undone="$undone $name"
done
[ -n "$undone" ] || [ $result != 0 ] || echo "each process already has its previous version; there is nothing to roll back"
# Argo's Rollout follows the Deployment; the previous version needs no new trial
if [ -n "$leads" ]; then
    if seen; then
        hashes=$(here get rollouts.argoproj.io web -o 'jsonpath={.status.currentPodHash} {.status.stableRS}')
        [ "${hashes% *}" = "${hashes#* }" ] || promote || result=1
        await_healthy || result=1
    else
        result=1
    fi
fi
# including those that an interrupted run has rolled back
for each in $processes; do
    here rollout status "$each" --timeout=900s || result=1
done
[ $result != 0 ] || here delete configmap last-release
exit $result
