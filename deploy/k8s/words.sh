# Shared by preflight.sh, release.sh, rollback.sh and promote.sh, which set $namespace. POSIX shell and plain kubectl:
# Argo's plugin for kubectl is not needed.
# shellcheck shell=sh disable=SC2154

here() { kubectl -n "$namespace" "$@"; }

deployments() { here get deployments -o name -l app.kubernetes.io/part-of=maitred; }

# the revision number that Kubernetes gives each version of a Deployment
revision() { here get "$1" -o 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}'; }

# Deployment, ReplicaSet and number of each version. A version that is deployed again gets a new number,
# but its ReplicaSet keeps its name.
versions() {
    here get replicasets -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name} {.metadata.name} {.metadata.annotations.deployment\.kubernetes\.io/revision}{"\n"}{end}'
}

# the ReplicaSet of the version that a Deployment describes
version() {
    number=$(revision "$1") && sets=$(versions) || return 1
    found=$(echo "$sets" | awk -v of="Deployment/${1##*/}" -v number="$number" '$1 == of && $3 == number {print $2}')
    [ -n "$found" ] && echo "$found"
}

# Print "Argo" if it manages the web process, else nothing. Return 1 if the cluster does not answer.
leader() {
    if output=$(here get rollouts.argoproj.io web --ignore-not-found -o name 2>&1); then
        case $output in *rollout.argoproj.io/web*) echo Argo ;; esac
        return 0
    fi
    # Argo Rollouts is not installed
    case $output in *"doesn't have a resource type"*) return 0 ;; esac
    echo "$output" >&2
    return 1
}

# Wait until Argo has observed the applied Rollout, and the Deployment that describes its pods.
seen() {
    tries=${SEEN_TRIES:-24}
    while :; do
        rollout=$(here get rollouts.argoproj.io web \
            -o 'jsonpath={.metadata.generation}={.status.observedGeneration} {.status.workloadObservedGeneration}') || return 1
        wanted=$(here get deployment web --ignore-not-found -o 'jsonpath={.metadata.generation}') || return 1
        generation=${rollout%%=*}
        [ "$rollout" = "$generation=$generation $wanted" ] && return 0
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "!!! Argo Rollouts does not observe the web process: is it running?" >&2 && return 1; }
        sleep "${POLL_SECONDS:-5}"
    done
}

# How often to poll Argo, every five seconds: for half an hour. A canary takes longer (70 minutes): three
# shares are judged for up to a quarter of an hour each, and then it may wait for a manual decision.
patience() { if [ "${strategy:-}" = canary ]; then echo 840; else echo 360; fi; }

# Wait until Argo calls the web process Healthy. Return 1 if it does not become so, 2 if Argo still waits for
# a manual decision. `await_healthy quietly` does not print how to give it.
await_healthy() {
    seen || return 1
    tries=${WELL_TRIES:-$(patience)}
    quiet=${1:-}
    while :; do
        phase=$(here get rollouts.argoproj.io web -o 'jsonpath={.status.phase}') || phase=""
        case $phase in
            Healthy) return 0 ;;
            Degraded)
                here get rollouts.argoproj.io web -o 'jsonpath={.status.message}{"\n"}' >&2
                return 1
                ;;
            Paused)
                [ -n "$quiet" ] || echo "    Argo waits for a manual decision: make promote ENVIRONMENT=${namespace#maitred-}," \
                    "or make rollback ENVIRONMENT=${namespace#maitred-}"
                quiet=yes
                ;;
        esac
        tries=$((tries - 1))
        if [ "$tries" -le 0 ]; then
            [ "$phase" = Paused ] && return 2
            return 1
        fi
        sleep "${POLL_SECONDS:-5}"
    done
}

# Route all requests to the new version, without waiting for a verdict.
promote() {
    here patch rollouts.argoproj.io web --subresource=status --type=merge -p '{"status":{"promoteFull":true}}'
}
