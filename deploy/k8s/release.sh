#!/bin/sh
# Deploy a version on Kubernetes: check, back up, migrate, roll out; roll back if a process does not become
# healthy. Safe to run again after an interruption.
#
#   sh deploy/k8s/release.sh ENVIRONMENT IMAGE [rolling|canary|blue-green]
#
# ENVIRONMENT is an overlay, IMAGE a tag or digest. Canary and blue-green apply to the web process, if the
# overlay has components/argo. ASK_ONLY=1 changes nothing and only reports what is missing.
# WITHOUT_BACKUP=1 skips the backup.
set -eu
environment=$1
image=$2
strategy=${3:-rolling}
namespace=maitred-$environment
scripts=$(dirname "$0")
overlays=$scripts/overlays
# shellcheck source=deploy/k8s/words.sh
. "$scripts/words.sh"

refuse() {
    echo "!!! $1" >&2
    exit 2
}
stop() {
    echo "!!! $1: no process was changed" >&2
    exit 1
}
roll_back() {
    echo "!!! $1: rolling back to the previous version" >&2
    sh "$scripts/rollback.sh" "$environment" || echo "!!! the rollback failed: see above" >&2
    exit 1
}

command -v kubectl >/dev/null || refuse "kubectl is not installed"
[ -d "$overlays/$environment" ] || refuse "no such environment: $environment"
case $strategy in
    rolling) components="" ;;
    canary | blue-green) components="../../components/argo-$strategy" ;;
    *) refuse "no such strategy: $strategy" ;;
esac
folder=$(mktemp -d "$overlays/.release.XXXXXX")
trap 'rm -rf "$folder"' EXIT
grep -qs components/argo "$overlays/$environment/kustomization.yaml" || components=""
printf 'resources: [../%s]\ncomponents: [%s]\n' "$environment" "$components" \
    >"$folder/kustomization.yaml"
kubectl kustomize "$folder" >"$folder/plain.txt"
sed "s#image: maitred\$#image: $image#" "$folder/plain.txt" >"$folder/all.yaml"

echo "--- preflight checks"
sh "$scripts/preflight.sh" "$environment" "$image" "$strategy" "$folder/all.yaml"
[ -z "${ASK_ONLY:-}" ] || exit 0

before=$(deployments) || stop "the deployed processes cannot be listed"
if [ -n "$before" ] && grep -q '^  BACKUP_STORE: .' "$folder/all.yaml" && [ -z "${WITHOUT_BACKUP:-}" ]; then
    echo "--- backup"
    # the former spelling of `backup create`: the running version may know no other
    here exec deployment/worker-backups -- maitred backup || stop "no backup was made"
fi

echo "--- settings, secrets, services"
leads=$(leader) || stop "the cluster did not report whether Argo manages the web process"
# The versions for rollback.sh are not overwritten while a release is under way: a resumed release must not
# take its own half for the previous version. A release left to Argo has ended when Argo calls it Healthy.
# Check that before the strategy is changed, because that change would make Argo promote it.
last=$(here get configmap last-release --ignore-not-found -o 'jsonpath={.data.state}={.data.image}') ||
    stop "the previous release cannot be read"
keep=""
case $last in
    "under way="* | "with Argo=$image") keep=yes ;;
    "with Argo="*)
        phase=$(here get rollouts.argoproj.io web --ignore-not-found -o 'jsonpath={.status.phase}') ||
            stop "the state of Argo's rollout cannot be read"
        [ -z "$leads" ] || [ "$phase" = Healthy ] || keep=yes
        ;;
esac
handed_over=0
if grep -q '^kind: Rollout' "$folder/all.yaml"; then
    # Argo scales the Deployment of a Rollout that it manages to zero
    handed_over=$(here get deployment web --ignore-not-found -o 'jsonpath={.spec.replicas}') ||
        stop "the web process cannot be read"
fi
if [ "${handed_over:-0}" != 0 ] && [ -z "$leads" ]; then
    echo "--- handing the web process over to Argo, unchanged"
    # created with the current number of replicas, so that it never has only one pod; `apply` keeps the number
    awk -v count="$handed_over" '
        /^---$/ { if (rollout) exit; text = ""; next }
        { text = text $0 "\n" }
        /^kind: Rollout$/ { rollout = 1 }
        /^spec:$/ { text = text "  replicas: " count "\n" }
        END { if (rollout) printf "%s", text }' "$folder/all.yaml" >"$folder/rollout.yaml"
    kubectl create -f "$folder/rollout.yaml" || stop "the web process could not be handed over to Argo"
fi
kubectl apply -f "$folder/all.yaml" -l '!app.kubernetes.io/name' || stop "not everything could be applied"
if [ "${handed_over:-0}" != 0 ]; then
    await_healthy || stop "Argo did not take the web process over"
elif [ -n "$before" ] && [ -n "$leads" ]; then
    seen || stop "Argo did not observe the strategy"
    # Argo points the Service at one version when it splits traffic; rolling needs it to select all pods
    if [ "$strategy" = rolling ] &&
        [ -n "$(here get service web -o 'jsonpath={.spec.selector.rollouts-pod-template-hash}')" ]; then
        here patch service web --type=json \
            -p '[{"op":"remove","path":"/spec/selector/rollouts-pod-template-hash"}]' || stop "the Service web still selects Argo's version"
    fi
fi
if grep -q '^kind: ExternalSecret' "$folder/all.yaml"; then
    here wait --for=condition=Ready --timeout="${SECRETS_SECONDS:-120}s" externalsecrets.external-secrets.io --all ||
        stop "the secrets were not delivered"
fi

echo "--- migrations"
here delete job migrate --ignore-not-found
kubectl apply -f "$folder/all.yaml" -l app.kubernetes.io/name=migrate || stop "the migration could not be started"
tries=${MIGRATE_TRIES:-300}
while :; do
    state=$(here get job migrate -o 'jsonpath={.status.conditions[?(@.status=="True")].type}') || state=""
    case $state in
        *Complete*) break ;;
        *Failed*) tries=0 ;;
    esac
    tries=$((tries - 1))
    if [ "$tries" -lt 0 ]; then
        here logs job/migrate --tail=50 || true
        stop "the migrations failed"
    fi
    sleep "${POLL_SECONDS:-3}"
done

if [ -z "$keep" ]; then
    versions=""
    for each in $before; do
        version=$(version "$each") || stop "the deployed version of $each is not known"
        versions="$versions${each##*/}=$version "
    done
    here create configmap last-release --from-literal="before=$versions" --from-literal="image=$image" \
        --from-literal="state=under way" --dry-run=client -o yaml >"$folder/last.yaml"
    here apply -f "$folder/last.yaml" || stop "the deployed version could not be recorded"
fi

echo "--- processes"
kubectl apply -f "$folder/all.yaml" || roll_back "not everything could be applied"
now=$(deployments) || roll_back "the processes cannot be listed"
for each in $now; do
    here rollout status "$each" --timeout=900s || roll_back "$each does not become healthy"
done
leads=$(leader) || roll_back "the cluster did not report whether Argo manages the web process"
if [ -n "$leads" ]; then
    # if this script is killed while it waits, the next release asks Argo for the result of this one
    here patch configmap last-release --type=merge -p '{"data":{"state":"with Argo"}}' || roll_back "the cluster does not answer"
    await_healthy && code=0 || code=$?
    if [ "$code" = 2 ] && [ "$strategy" = blue-green ]; then
        # the promotion is manual: a missing one is no reason to roll back
        echo "!!! the new version has not been promoted yet; it waits" >&2
        exit 1
    fi
    [ "$code" = 0 ] || roll_back "the analysis of the new version of web failed"
fi
here patch configmap last-release --type=merge -p '{"data":{"state":"done"}}'
