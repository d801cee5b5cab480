#!/bin/sh
# Put a version in place on Kubernetes: migrate, roll out, and back to the last one when a process does
# not become well. Safe to run again after an interruption.
#
#   sh deploy/k8s/release.sh ENVIRONMENT IMAGE [rolling|canary|blue-green]
#
# ENVIRONMENT is an overlay, IMAGE a tag or digest. Canary and blue-green are of the web process and by
# Argo Rollouts, which has to be in the cluster, and its plugin beside kubectl.
set -eu
environment=$1
image=$2
strategy=${3:-rolling}
namespace=maitred-$environment
overlays=$(dirname "$0")/overlays
folder=$(mktemp -d "$overlays/.release.XXXXXX")
trap 'rm -rf "$folder"' EXIT

go_back() {
    echo "!!! $1: back to the version before" >&2
    sh "$(dirname "$0")/rollback.sh" "$environment" || true
    exit 1
}

case $strategy in
    rolling) components="" ;;
    canary | blue-green) components="../../components/argo-$strategy" ;;
    *) echo "no such strategy: $strategy" >&2 && exit 2 ;;
esac
printf 'resources: [../%s]\ncomponents: [%s]\n' "$environment" "$components" \
    >"$folder/kustomization.yaml"
kubectl kustomize "$folder" >"$folder/plain.txt"
sed "s#image: maitred\$#image: $image#" "$folder/plain.txt" >"$folder/all.yaml"

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
    kubectl -n "$namespace" rollout status "$each" --timeout=900s || go_back "$each does not become well"
done
case $strategy in
    # it judges the new version itself, and has led the callers back by then; the workers have not gone
    canary)
        kubectl argo rollouts status web -n "$namespace" --timeout 1800s ||
            go_back "the canary of web did not end well"
        ;;
    # promoted by hand: that nobody has done so yet is no reason to go back
    blue-green) kubectl argo rollouts status web -n "$namespace" --timeout 1800s ;;
esac
