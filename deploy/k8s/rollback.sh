#!/bin/sh
# Every process of an environment on Kubernetes back to the version before. The schema stays.
#
#   sh deploy/k8s/rollback.sh ENVIRONMENT
set -eu
namespace=maitred-$1
result=0
deployments=$(kubectl -n "$namespace" get deployments -o name -l app.kubernetes.io/part-of=maitred)
for each in $deployments; do
    kubectl -n "$namespace" rollout undo "$each" || result=1
done
# Argo's Rollout follows the Deployment that describes its pods; what served before is not tried out anew
if kubectl -n "$namespace" get rollouts.argoproj.io web >/dev/null 2>&1; then
    kubectl argo rollouts promote web --full -n "$namespace" || result=1
fi
for each in $deployments; do
    kubectl -n "$namespace" rollout status "$each" --timeout=900s || result=1
done
exit $result
