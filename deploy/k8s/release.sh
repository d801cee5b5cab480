#!/bin/sh
# Put a version in place on Kubernetes: migrate, roll out, and back to the last one when a process does
# not become well. Safe to run again after an interruption.
#
#   sh deploy/k8s/release.sh ENVIRONMENT IMAGE      (an overlay; an image by its tag or digest)
set -eu
environment=$1
image=$2
namespace=maitred-$environment
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

kubectl kustomize "$(dirname "$0")/overlays/$environment" >"$folder/base.yaml"
sed "s#image: maitred\$#image: $image#" "$folder/base.yaml" >"$folder/all.yaml"

echo "--- what the processes stand on"
kubectl apply -f "$folder/all.yaml" -l '!app.kubernetes.io/name'
echo "--- the schema"
kubectl -n "$namespace" delete job migrate --ignore-not-found
kubectl apply -f "$folder/all.yaml" -l app.kubernetes.io/name=migrate
kubectl -n "$namespace" wait --for=condition=complete --timeout=900s job/migrate || {
    kubectl -n "$namespace" logs job/migrate --tail=50
    echo "!!! the migrations failed; nothing else was changed" >&2
    exit 1
}
echo "--- the processes"
kubectl apply -f "$folder/all.yaml"
deployments=$(kubectl -n "$namespace" get deployments -o name -l app.kubernetes.io/part-of=maitred)
for each in $deployments; do
    kubectl -n "$namespace" rollout status "$each" --timeout=900s || {
        echo "!!! $each does not become well: back to the version before" >&2
        for other in $deployments; do
            kubectl -n "$namespace" rollout undo "$other" || true
        done
        exit 1
    }
done
if grep -q '^kind: Rollout$' "$folder/all.yaml"; then
    # it judges the new version itself, and goes back by itself; this needs Argo's plugin of kubectl
    kubectl argo rollouts status web -n "$namespace" --timeout 1800s
fi
