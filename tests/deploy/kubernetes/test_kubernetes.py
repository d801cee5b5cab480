"""The manifests, as rendered by kustomize, checked by Kubernetes' schemas and our own rules.

The kinds in CUSTOM are not Kubernetes' own: they are checked by the schemas of their projects,
which npm provides, and their references are resolved.
"""

import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from sqlalchemy import Engine, text

from deploy.procfile import commands_of
from models.core.secrets.by_process import REQUIRED, SECRETS, needed_by
from models.core.settings import Settings
from tasks.queues import QUEUES, TASKS
from tests.architecture.tree import ROOT
from tests.services import plan
from tests.services.missing import go_without, require_program

K8S = ROOT / "deploy" / "k8s"
CRDS = Path(__file__).with_name("crds")
BIN = Path(sys.executable).parent
CUSTOM = {
    "ExternalSecret", "TriggerAuthentication", "ScaledObject", "Rollout", "AnalysisTemplate",
    "PodMonitor", "PrometheusRule", "HTTPRoute", "Gateway",
}  # fmt: skip
Manifest = dict[str, Any]


def _kubectl() -> str:
    found = shutil.which("kubectl", path=f"{BIN}:{os.environ.get('PATH', '')}")
    return found or go_without("kubectl (with kustomize in it)")


def built(folder: Path) -> list[Manifest]:
    """Return the manifests that `kubectl kustomize` renders from a folder."""
    argv = [_kubectl(), "kustomize", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Manifest]]:
    """Render each overlay, and production with each of Argo's strategies as release.sh adds it."""
    names = ("development", "staging", "production")
    found = {name: built(K8S / "overlays" / name) for name in names}
    own = tmp_path_factory.mktemp("k8s") / "k8s"
    shutil.copytree(K8S, own)
    for way in ("argo-canary", "argo-blue-green"):
        folder = own / "overlays" / way
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(
            f"resources: [../production]\ncomponents: [../../components/{way}]\n"
        )
        found[way] = built(folder)
    return found


def _of(manifests: list[Manifest], *kinds: str) -> Iterator[Manifest]:
    return (each for each in manifests if each["kind"] in kinds)


def _named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (each for each in _of(manifests, kind) if each["metadata"]["name"] == name)
    return found


def _pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in _of(manifests, "Deployment", "Job")
    }


def _ours(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {
        name: pod
        for name, pod in _pods(manifests).items()
        if pod["containers"][0]["image"] == "maitred"
    }


def test_every_manifest_is_what_kubernetes_knows(environments: dict[str, list[Manifest]]) -> None:
    # most are the same in every environment except for its name
    different = {
        json.dumps(manifest).replace("staging", "production"): manifest
        for manifests in environments.values()
        for manifest in manifests
    }
    seen = set()
    for manifest in different.values():
        if manifest["kind"] in CUSTOM:
            seen.add(manifest["kind"])
        else:
            latest = kubernetes_validate.latest_version()
            kubernetes_validate.validate(manifest, latest, strict=True)
    assert seen | {"Gateway"} == CUSTOM
    for name in ("development", "staging", "production"):
        plan.prove(line=name, target="kubernetes", how="rendered", figure="by Kubernetes' schemas")


@pytest.fixture(scope="module")
def crds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the published schemas of the custom kinds, by the lock file."""
    folder = tmp_path_factory.mktemp("crds") / "crds"
    shutil.copytree(CRDS, folder)
    argv = [require_program("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def wrong_kinds(crds: Path, manifests: list[Manifest]) -> list[str]:
    """Return the schema errors of the custom kinds among these manifests."""
    done = subprocess.run(
        [require_program("node"), "check.mjs"],
        input=json.dumps([each for each in manifests if each["kind"] in CUSTOM]),
        cwd=crds,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_every_custom_kind_is_what_its_project_takes(
    environments: dict[str, list[Manifest]], crds: Path
) -> None:
    everything = [each for manifests in environments.values() for each in manifests]
    everything += built(K8S / "gateway")
    assert wrong_kinds(crds, everything) == []
    broken = copy.deepcopy(next(each for each in everything if each["kind"] == "ScaledObject"))
    broken["spec"]["minReplicaCount"] = "two"
    (found,) = wrong_kinds(crds, [broken])
    assert "minReplicaCount must be integer" in found


def test_a_word_that_kubernetes_does_not_know_is_found() -> None:
    (web,) = (
        each
        for each in built(K8S / "base")
        if each["metadata"]["name"] == "web" and each["kind"] == "Deployment"
    )
    web["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(web, kubernetes_validate.latest_version(), strict=True)


def test_every_process_runs_there_with_the_same_words(
    environments: dict[str, list[Manifest]],
) -> None:
    procfile = commands_of(ROOT)
    pods = _ours(environments["production"])
    assert pods.keys() == {f"worker-{queue}" for queue in QUEUES} | {
        "web", "scheduler", "flower", "follower", "migrate",
    }  # fmt: skip
    for queue in QUEUES:
        args = pods[f"worker-{queue}"]["containers"][0]["args"]
        wanted = shlex.split(procfile["allocation"].replace("allocation", queue))
        assert args == wanted
    for name in ("scheduler", "flower", "follower"):
        assert pods[name]["containers"][0]["args"] == shlex.split(procfile[name])
    figure = "the clock, the backup worker and the follower run the same commands as on hosts"
    for line in ("backup-verified", "recovery-point"):
        plan.prove(line=line, target="kubernetes", how="rendered", figure=figure)


def test_every_pod_of_the_restaurant_is_closed_in(environments: dict[str, list[Manifest]]) -> None:
    for manifests in environments.values():
        (namespace,) = _of(manifests, "Namespace")
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        for name, pod in _pods(manifests).items():
            assert pod["securityContext"]["runAsNonRoot"] is True, name
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert pod["automountServiceAccountToken"] is False, name
            (container,) = pod["containers"]
            allowed = container["securityContext"]
            assert allowed["allowPrivilegeEscalation"] is False, name
            assert allowed["capabilities"] == {"drop": ["ALL"]}, name
            assert {"requests", "limits"} <= container["resources"].keys(), name
            if name in _ours(manifests):
                assert allowed["readOnlyRootFilesystem"] is True, name
                assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}, name


def test_a_process_that_ends_has_the_time_it_needs(environments: dict[str, list[Manifest]]) -> None:
    pods = _ours(environments["production"])
    for queue in QUEUES:
        longest = max(rule.hard_limit for rule in TASKS.values() if rule.queue == queue)
        assert pods[f"worker-{queue}"]["terminationGracePeriodSeconds"] > longest
    web = pods["web"]["containers"][0]
    assert web["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "10"]
    assert pods["web"]["terminationGracePeriodSeconds"] >= 10 + 45
    probes = ("startup", "readiness", "liveness")
    paths = [web[f"{probe}Probe"]["httpGet"]["path"] for probe in probes]
    assert paths == ["/readyz", "/healthz", "/healthz"]
    figure = "no liveness probe asks the database"
    plan.prove(line="database-away", target="kubernetes", how="rendered", figure=figure)


def test_no_release_and_no_drain_takes_all_of_a_kind(
    environments: dict[str, list[Manifest]],
) -> None:
    manifests = environments["production"]
    for each in _of(manifests, "Deployment"):
        strategy = each["spec"]["strategy"]
        if each["metadata"]["name"] in ("worker-backups", "follower"):
            assert each["spec"]["replicas"] == 1
            assert strategy == {"type": "Recreate"}
        else:
            assert strategy["rollingUpdate"]["maxUnavailable"] == 0
        spread = each["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {
            "topology.kubernetes.io/zone", "kubernetes.io/hostname",
        }  # fmt: skip
    guarded = {each["metadata"]["name"] for each in _of(manifests, "PodDisruptionBudget")}
    assert guarded == {"web", "worker-allocation", "worker-messages", "scheduler"}
    assert _named(manifests, "Deployment", "scheduler")["spec"]["replicas"] == 2
    figure = "no pod ends before its successor is ready"
    plan.prove(line="upgrade", target="kubernetes", how="rendered", figure=figure)


def test_whatever_refers_to_another_finds_it(environments: dict[str, list[Manifest]]) -> None:
    for manifests in environments.values():
        there = {(each["kind"], each["metadata"]["name"]) for each in manifests}
        labels = {
            name: _named(manifests, "Deployment", name)
            for kind, name in there
            if kind == "Deployment"
        }
        for each in _of(manifests, "HorizontalPodAutoscaler"):
            target = each["spec"]["scaleTargetRef"]
            assert (target["kind"], target["name"]) in there
        for each in _of(manifests, "ScaledObject"):
            scaled = labels[each["spec"]["scaleTargetRef"]["name"]]
            assert "replicas" not in scaled["spec"]
        for each in _of(manifests, "Rollout"):
            led = each["spec"]["workloadRef"]
            assert (led["kind"], led["name"]) in there
            # the Rollout replaces the Deployment's pods, so the Deployment must not set a number
            assert "replicas" not in labels["web"]["spec"]
            # release.sh applies the strategy before it changes the pods
            assert "app.kubernetes.io/name" not in each["metadata"].get("labels", {})
            services = set(re.findall(r"'\w+Service': '([\w-]+)'", str(each["spec"]["strategy"])))
            assert services in (set(), {"web", "web-next"})
            assert {("Service", name) for name in services} <= there
            templates = set(re.findall(r"'templateName': '(\w+)'", str(each["spec"]["strategy"])))
            assert {("AnalysisTemplate", name) for name in templates} <= there
        for each in _of(manifests, "HTTPRoute"):
            for rule in each["spec"]["rules"]:
                assert {("Service", one["name"]) for one in rule["backendRefs"]} <= there
        for pod in _ours(manifests).values():
            (config,) = pod["containers"][0]["envFrom"]
            assert ("ConfigMap", config["configMapRef"]["name"]) in there
            made = {each["metadata"]["name"] for each in _of(manifests, "Secret", "ExternalSecret")}
            refs = _secret_refs(pod).values()
            assert {ref["name"] for ref in refs} <= made


def _secret_refs(pod: Manifest) -> dict[str, dict[str, Any]]:
    """Return the variables that come from a Secret."""
    return {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in pod["containers"][0]["env"]
        if "valueFrom" in each
    }


def test_each_pod_is_given_the_secrets_of_the_table_and_no_more(
    environments: dict[str, list[Manifest]],
) -> None:
    for manifests in environments.values():
        (config,) = _of(manifests, "ConfigMap")
        assert not config["data"].keys() & SECRETS
        for name, pod in _ours(manifests).items():
            process = name.removeprefix("worker-")
            refs = _secret_refs(pod)
            plain = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
            assert plain["PROCESS"] == process
            # a token in a file needs a volume that the operator adds
            assert refs.keys() == needed_by(process) - {"SMTP_TOKEN_FILE"}, name
            assert all(ref["key"] == variable for variable, ref in refs.items())
            for variable in needed_by(process) & set(REQUIRED):
                assert not refs[variable].get("optional"), (name, variable)
            mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
            assert ("keys" in mounts) == ("MASTER_KEY" in refs), name
    plan.prove(line="secrets", target="kubernetes", how="rendered")


def test_nobody_is_spoken_to_but_by_leave(environments: dict[str, list[Manifest]]) -> None:
    for manifests in environments.values():
        nobody = _named(manifests, "NetworkPolicy", "nobody")["spec"]
        assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


#: Secrets for services outside the cluster: Sentry, traces, KMS, the stores.
OUTSIDE = {"SENTRY_DSN", "OTEL_EXPORTER_OTLP_HEADERS", "MASTER_KEY", "BACKUP_KEY"}


def test_only_pods_that_need_the_outside_may_leave_the_cluster(
    environments: dict[str, list[Manifest]],
) -> None:
    for manifests in environments.values():
        leaving = _named(manifests, "NetworkPolicy", "leaving")["spec"]
        (chosen,) = leaving["podSelector"]["matchExpressions"]
        pods = _ours(manifests)
        outside = {name for name in pods if needed_by(name.removeprefix("worker-")) & OUTSIDE}
        assert set(chosen["values"]) == outside
        mail = _named(manifests, "NetworkPolicy", "mail")["spec"]["podSelector"]["matchLabels"]
        assert [name for name in pods if "SMTP_URL" in needed_by(name.removeprefix("worker-"))] == [
            mail["app.kubernetes.io/name"]
        ]


def test_a_cloud_s_roles_are_given_by_the_table_of_secrets(
    environments: dict[str, list[Manifest]],
) -> None:
    for manifests in environments.values():
        accounts = {each["metadata"]["name"] for each in _of(manifests, "ServiceAccount")}
        assert accounts == {"backups", "guests"}
        for name, pod in _ours(manifests).items():
            needs = needed_by(name.removeprefix("worker-"))
            account = (
                "backups" if "BACKUP_KEY" in needs else "guests" if "MASTER_KEY" in needs else None
            )
            assert pod.get("serviceAccountName") == account, name


def test_the_follower_has_a_disk_and_the_log_is_on(environments: dict[str, list[Manifest]]) -> None:
    for manifests in environments.values():
        pod = _ours(manifests)["follower"]
        (container,) = pod["containers"]
        spool = {each["name"]: each.get("value") for each in container["env"]}["LOG_SPOOL"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        (disk,) = (each for each in pod["volumes"] if each["name"] == mounts[spool])
        # on disk, not in memory: it may hold a day of the log
        assert "medium" not in disk["emptyDir"]
        (config,) = _of(manifests, "ConfigMap")
        assert "BACKUP_LOG" not in config["data"]


def test_the_way_in_is_tls_by_the_name_of_the_links(
    environments: dict[str, list[Manifest]],
) -> None:
    hosts = set()
    for name, manifests in environments.items():
        (route,) = _of(manifests, "HTTPRoute")
        (host,) = route["spec"]["hostnames"]
        (config,) = _of(manifests, "ConfigMap")
        assert config["data"]["PUBLIC_URL"] == f"https://{host}"
        assert route["spec"]["parentRefs"] == [{"name": "public", "namespace": "gateway"}]
        (rule,) = route["spec"]["rules"]
        # HSTS only where certificates are renewed automatically, never for a developer's machine
        assert ("filters" in rule) == (name != "development")
        assert "retry" not in rule
        hosts.add(host)
    assert len(hosts) == 3
    plan.prove(line="tls", target="kubernetes", how="rendered")


def test_each_name_has_a_listener_whose_certificate_is_renewed(
    environments: dict[str, list[Manifest]],
) -> None:
    gateway = _named(built(K8S / "gateway"), "Gateway", "public")
    assert gateway["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    listeners = {each["hostname"]: each for each in gateway["spec"]["listeners"] if "tls" in each}
    for name in ("staging", "production"):
        (route,) = _of(environments[name], "HTTPRoute")
        listener = listeners[route["spec"]["hostnames"][0]]
        # cert-manager creates a Secret for each, and renews it before it expires
        assert listener["tls"]["certificateRefs"]
        selected = listener["allowedRoutes"]["namespaces"]["selector"]["matchExpressions"][0]
        assert f"maitred-{name}" in selected["values"]
        # the policy that denies all traffic has an exception for the ACME solver
        solver = _named(environments[name], "NetworkPolicy", "acme-solver")["spec"]
        assert solver["podSelector"] == {
            "matchLabels": {"acme.cert-manager.io/http01-solver": "true"}
        }
        # no mount by subPath, which would not follow a renewed Secret
        mounts = [
            mount for pod in _ours(environments[name]).values()
            for mount in pod["containers"][0]["volumeMounts"]
        ]  # fmt: skip
        assert not [mount for mount in mounts if "subPath" in mount]
    plan.prove(line="certificates", target="kubernetes", how="rendered")


def test_no_environment_leads_argo_past_the_gateway(
    environments: dict[str, list[Manifest]],
) -> None:
    (route,) = _of(environments["argo-canary"], "HTTPRoute")
    shares = {one["name"]: one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]}
    assert shares == {"web": 100, "web-next": 0}
    strategy = _named(environments["argo-canary"], "Rollout", "web")["spec"]["strategy"]["canary"]
    plugin = {"httpRoute": "web", "namespace": "maitred-production"}
    assert strategy["trafficRouting"] == {"plugins": {"argoproj-labs/gatewayAPI": plugin}}
    assert [step["setWeight"] for step in strategy["steps"] if "setWeight" in step] == [5, 25, 50]


def test_what_an_environment_names_is_found_where_it_belongs(tmp_path: Path) -> None:
    own = tmp_path / "k8s"
    shutil.copytree(K8S, own)
    named = own / "overlays" / "production" / "cluster.yaml"
    values = yaml.safe_load(named.read_text())["data"]
    text_ = named.read_text()
    for key, value in values.items():
        text_ = text_.replace(f"  {key}: {value}\n", f"  {key}: x-{key.lower()}\n")
    named.write_text(text_)
    manifests = built(own / "overlays" / "production")
    made = json.dumps(manifests)
    assert [key for key in values if f"x-{key.lower()}" not in made] == []
    (config,) = _of(manifests, "ConfigMap")
    assert config["data"]["PUBLIC_URL"] == "https://x-host"
    # the ConfigMap `cluster` is only read, not applied
    assert '"name": "cluster"' not in made


def test_every_setting_there_is_one_of_ours(environments: dict[str, list[Manifest]]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    known |= {"WORKER_SIGN_OF_LIFE", "FLOWER_ADDRESS", "PROMETHEUS_MULTIPROC_DIR", "TMPDIR"}
    for manifests in environments.values():
        (config,) = _of(manifests, "ConfigMap")
        assert config["data"].keys() <= known
        for name, pod in _ours(manifests).items():
            given = {each["name"] for each in pod["containers"][0].get("env", [])}
            assert given <= known, name


@pytest.mark.mariadb
def test_the_age_of_the_queues_can_be_asked_of_the_database(
    db: Engine, environments: dict[str, list[Manifest]]
) -> None:
    scaled = list(_of(environments["production"], "ScaledObject"))
    assert len(scaled) == 2
    with db.connect() as connection:
        for each in scaled:
            (trigger,) = each["spec"]["triggers"]
            assert connection.scalar(text(trigger["metadata"]["query"])) == 0
    (config,) = _of(environments["production"], "ConfigMap")
    deciders = _named(scaled, "ScaledObject", "worker-allocation")["spec"]
    assert deciders["maxReplicaCount"] == int(config["data"]["LANES"])
