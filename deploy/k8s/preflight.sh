#!/bin/sh
# Check the requirements of a release before it changes anything. Reports all problems, one per line.
#
#   sh deploy/k8s/preflight.sh ENVIRONMENT IMAGE STRATEGY MANIFESTS
#
# MANIFESTS is the file that release.sh would apply. Exits with 1 when something is missing. Leaves nothing
# behind. If the namespace does not exist yet, fewer checks run, as there is nothing to damage.
# ARGO_NAMESPACE is the namespace of Argo Rollouts (argo-rollouts by default).
set -u
environment=$1
image=$2
strategy=$3
manifests=$4
namespace=maitred-$environment
cluster=$(dirname "$0")/overlays/$environment/cluster.yaml
problems=0

problem() {
    echo "!!! $1" >&2
    problems=$((problems + 1))
}
# shellcheck source=deploy/k8s/words.sh
. "$(dirname "$0")/words.sh"
value() { sed -n "s/^  $1: //p" "$cluster"; }
finish() {
    [ "$problems" = 0 ] && exit 0
    echo "!!! nothing was changed: $problems to fix first (docs/deploy/kubernetes.md)" >&2
    exit 1
}

if ! output=$(kubectl version 2>&1); then
    problem "the cluster cannot be reached: $(echo "$output" | tail -n 1)"
    finish
fi
if ! there=$(kubectl get namespace "$namespace" --ignore-not-found -o name); then
    problem "the account has no permission to read the namespace $namespace"
    finish
fi

# the kinds used in the manifests
kinds=$(kubectl api-resources --no-headers 2>/dev/null | awk '{print $(NF-2), $NF}')
wanted=$(awk '/^apiVersion: / {api = $2} /^kind: / {print api, $2}' "$manifests" | sort -u)
missing=$(echo "$wanted" | while read -r api kind; do
    echo "$kinds" | grep -qx "$api $kind" || echo "$api/$kind"
done)
for each in $missing; do
    case $each in
        argoproj.io/*) from="Argo Rollouts" ;;
        gateway.networking.k8s.io/*) from="the Gateway API and a controller for it" ;;
        external-secrets.io/*) from="External Secrets" ;;
        keda.sh/*) from="KEDA" ;;
        monitoring.coreos.com/*) from="Prometheus' operator" ;;
        *) from="another version of Kubernetes" ;;
    esac
    problem "the cluster does not know $each: install $from"
done

# permissions for everything except applying the manifests
may() {
    here auth can-i --quiet "$@" || problem "the account has no permission to $* in $namespace"
}
if [ -n "$there" ]; then
    may create pods
    may delete pods
    may delete jobs
    may get pods --subresource=log
    may patch deployments.apps
    may list replicasets.apps
    may create configmaps
    may create pods --subresource=exec
    if grep -q '^kind: Rollout' "$manifests"; then
        may patch rollouts.argoproj.io --subresource=status
        may patch rollouts.argoproj.io --subresource=scale
        may patch services
    fi
else
    kubectl auth can-i --quiet create namespaces || problem "the account has no permission to create the namespace $namespace"
fi

# the Gateway
gateway=$(value gateway)
of=$(value gatewayNamespace)
ready=$(kubectl -n "$of" get gateways.gateway.networking.k8s.io "$gateway" \
    -o 'jsonpath={.status.conditions[?(@.type=="Programmed")].status}' 2>/dev/null) || ready="not there"
[ "$ready" = True ] || problem "the Gateway $gateway in $of is not ready (Programmed: ${ready:-not yet})"

# secrets
if grep -q '^kind: ExternalSecret' "$manifests"; then
    ready=$(kubectl get clustersecretstores.external-secrets.io maitred \
        -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null) || ready="not there"
    [ "$ready" = True ] || problem "the ClusterSecretStore maitred is not ready (Ready: ${ready:-not yet})"
fi
if [ -n "$there" ] && ! grep -q '^kind: Secret' "$manifests"; then
    # shellcheck disable=SC2016  # kubectl's own template
    if given=$(here get secret maitred --ignore-not-found \
        -o 'go-template={{range $name, $value := .data}}{{$name}} {{end}}' 2>/dev/null); then
        for each in DATABASE_URL REDIS_URL SECRET_KEY; do
            case " $given" in
                *" $each "*) ;;
                *) problem "the Secret maitred in $namespace has no $each" ;;
            esac
        done
    else
        echo "    (the account has no permission to read Secrets: they were not checked)"
    fi
fi

# Argo Rollouts
led=""
[ -z "$there" ] || led=$(leader) || problem "the cluster did not report whether Argo manages the web process"
if [ -n "$led" ] && ! grep -q '^kind: Rollout' "$manifests"; then
    problem "Argo manages the web process, but overlays/$environment has no components/argo: see 'Away from Argo'"
fi
if [ "$strategy" != rolling ]; then
    grep -q '^kind: Rollout' "$manifests" ||
        problem "$strategy needs Argo: overlays/$environment has no components/argo"
    if [ -z "$led" ]; then
        problem "$strategy needs a deployed version that Argo manages: release once by rolling"
    else
        phase=$(here get rollouts.argoproj.io web -o 'jsonpath={.status.phase}')
        # an interrupted release of the same image may be resumed
        inside=$(here get deployment web -o 'jsonpath={.spec.template.spec.containers[0].image}')
        [ "$phase" = Healthy ] || [ "$inside" = "$image" ] ||
            problem "the previous release has not ended: Argo reports the web process as ${phase:-unknown}"
    fi
    service=$(value prometheus | sed -n 's#^[a-z]*://\([a-z0-9-]*\)\.\([a-z0-9-]*\).*#\2 get service \1#p')
    # shellcheck disable=SC2086  # three words
    [ -z "$service" ] || kubectl -n $service -o name >/dev/null 2>&1 ||
        problem "no Prometheus at $(value prometheus) for the analysis: see overlays/$environment/cluster.yaml"
fi
if [ "$strategy" = canary ]; then
    plugins=$(kubectl -n "${ARGO_NAMESPACE:-argo-rollouts}" get configmap argo-rollouts-config \
        -o 'jsonpath={.data.trafficRouterPlugins}' 2>/dev/null)
    case $plugins in
        *argoproj-labs/gatewayAPI*) ;;
        *) problem "Argo has no plugin argoproj-labs/gatewayAPI, which a canary needs to split traffic" ;;
    esac
fi

# every other reason for a rejection: permissions, policies, fields. A Job cannot be changed in place
if [ -n "$there" ] && [ "$problems" = 0 ]; then
    output=$(kubectl apply --dry-run=server -f "$manifests" -l 'app.kubernetes.io/name!=migrate' 2>&1 >/dev/null) ||
        problem "the cluster rejects the manifests: $output"
fi

# the image, pulled with the nodes' own credentials
if [ -n "$there" ] && [ "$problems" = 0 ]; then
    here delete pod preflight --ignore-not-found --wait >/dev/null 2>&1
    allowed='{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}'
    if here run preflight --image="$image" --restart=Never --overrides='{"spec":{
        "automountServiceAccountToken":false,
        "securityContext":{"runAsNonRoot":true,"runAsUser":10001,"seccompProfile":{"type":"RuntimeDefault"}},
        "containers":[{"name":"preflight","image":"'"$image"'","command":["true"],"securityContext":'"$allowed"',
            "resources":{"requests":{"cpu":"10m","memory":"16Mi"},"limits":{"memory":"64Mi"}}}]}}' >/dev/null; then
        tries=${PREFLIGHT_TRIES:-60}
        while :; do
            state=$(here get pod preflight -o 'jsonpath={.status.phase} {.status.containerStatuses[0].state.waiting.reason}')
            case $state in
                Succeeded*) break ;;
                *ErrImagePull* | *ImagePullBackOff* | *InvalidImageName*)
                    problem "the cluster cannot pull the image $image" && break ;;
                Failed*) problem "the image $image does not run" && break ;;
            esac
            tries=$((tries - 1))
            [ "$tries" -gt 0 ] || { problem "the image $image was not pulled in time (${state:-no answer})" && break; }
            sleep "${POLL_SECONDS:-5}"
        done
        here delete pod preflight --ignore-not-found --wait=false >/dev/null
    else
        problem "no pod can be started in $namespace"
    fi
fi
finish
