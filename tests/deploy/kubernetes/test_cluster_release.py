"""The scripts of deploy/k8s: the real kubectl with a fake cluster."""

import copy
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.tree import ROOT
from tests.deploy.kubernetes.test_kubernetes import K8S, built
from tests.services import plan
from tests.services.missing import require_program
from tests.services.running.cluster import KINDS, Cluster, cluster
from tests.services.running.cluster_state import HASH, hash_of

pytestmark = pytest.mark.slow

NAMESPACE = "maitred-staging"
STAND_IN = "the real kubectl against a stand-in for the API server and Argo"
OLD, NEW = "registry.example/maitred:1", "registry.example/maitred:2"


@dataclass
class FakeCluster:
    """A cluster that meets the requirements of release.sh, and a `kubectl` for it."""

    cluster: Cluster
    folder: Path

    def run(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command with this `kubectl`."""
        words = {"LANG": "C.UTF-8", "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        words |= {"PATH": f"{self.folder}:/usr/bin:/bin", "POLL_SECONDS": "0", "SEEN_TRIES": "3"}
        words |= {
            "KUBECONFIG": str(self.folder / "config"),
            "WELL_TRIES": "3",
            "MIGRATE_TRIES": "3",
        }
        words |= {"PREFLIGHT_TRIES": "3", "SECRETS_SECONDS": "1"} | env
        return subprocess.run(
            argv, env=words, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT
        )

    def script(self, name: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script of deploy/k8s for the environment staging."""
        return self.run("sh", str(self.folder / "k8s" / name), "staging", *words, **env)

    def release(self, strategy: str = "rolling", **env: str) -> subprocess.CompletedProcess[str]:
        """Release the version NEW."""
        return self.script("release.sh", NEW, strategy, **env)

    def put(self, kind: str, name: str, namespace: str = NAMESPACE, **fields: Any) -> None:
        """Create an object that the scripts do not create themselves."""
        meta = {"name": name} | ({"namespace": namespace} if namespace else {})
        api = next(api for api, kinds in KINDS.items() if kind in kinds)
        self.cluster.state.put({"apiVersion": api, "kind": kind, "metadata": meta} | fields)

    def images(self) -> dict[str, str]:
        """Map each process to its image, by the Deployments."""
        return {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["image"]
            for each in self.cluster.state.of("Deployment", NAMESPACE)
        }

    def web(self) -> dict[str, Any]:
        """Return the status of the web process's Rollout."""
        found = self.cluster.state.get("Rollout", NAMESPACE, "web")
        assert found is not None
        status: dict[str, Any] = found["status"]
        return status

    def serves(self) -> str:
        """Return the image of the version that gets the requests."""
        (image,) = (
            each["spec"]["template"]["spec"]["containers"][0]["image"]
            for each in self.cluster.state.of("ReplicaSet", NAMESPACE)
            if hash_of(each["spec"]["template"]) == self.web()["stableRS"]
        )
        return str(image)

    def wrote(self) -> list[str]:
        """Return the recorded writes, without those of the preflight pod."""
        return [word for word in self.cluster.told if "preflight" not in word]


@pytest.fixture(scope="module")
def manifests() -> str:
    """The manifests of staging."""
    return yaml.dump_all(built(K8S / "overlays" / "staging"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[FakeCluster]:
    """A cluster with all operators, but without Maitred."""
    shutil.copytree(K8S, tmp_path / "k8s", ignore=shutil.ignore_patterns(".release*"))
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" exec "*) echo "$*" >>{tmp_path}/executed\n'
        f"[ ! -e {tmp_path}/no-backup ]; exit ;; esac\n"
        f'exec {require_program("kubectl")} "$@"\n'
    )
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    with cluster() as held:
        named = {"name": "c", "cluster": {"server": held.url}}
        (tmp_path / "config").write_text(
            yaml.dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [named],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {}}],
            })
        )  # fmt: skip
        fake = FakeCluster(held, tmp_path)
        programmed = {"conditions": [{"type": "Programmed", "status": "True"}]}
        fake.put("Gateway", "public", "gateway", status=programmed)
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        fake.put("ClusterSecretStore", "maitred", "", status=ready)
        fake.put("Service", "kube-prometheus-stack-prometheus", "monitoring")
        plugin = "- {name: argoproj-labs/gatewayAPI, location: file:///plugin}"
        fake.put(
            "ConfigMap", "argo-rollouts-config", "argo-rollouts",
            data={"trafficRouterPlugins": plugin},
        )  # fmt: skip
        yield fake


@pytest.fixture
def fake(empty: FakeCluster, manifests: str) -> FakeCluster:
    """The same cluster, with the version OLD deployed."""
    for each in yaml.load_all(
        manifests.replace("image: maitred", f"image: {OLD}"), Loader=yaml.CSafeLoader
    ):
        applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(each) + "\n"}
        each["metadata"].setdefault("annotations", {}).update(applied)
        empty.cluster.state.put(each)
    keys = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
    empty.put("Secret", "maitred", data=dict.fromkeys(keys, "eA=="))
    return empty


def test_a_release_asks_backs_up_migrates_and_waits_for_each(fake: FakeCluster) -> None:
    done = fake.release()
    assert done.returncode == 0, done.stderr
    assert set(fake.images().values()) == {NEW}
    assert fake.serves() == NEW
    assert (fake.folder / "executed").read_text() == (
        f"-n {NAMESPACE} exec deployment/worker-backups -- maitred backup\n"
    )
    wrote = fake.wrote()
    order = [
        "PATCH configmaps/last-release", "DELETE migrate", "POST jobs/migrate",
        "POST configmaps/last-release", "PATCH deployments/web",
    ]  # fmt: skip
    assert [word for word in wrote if word in order] == [*order[1:], order[0], order[0]]
    note = fake.cluster.state.get("ConfigMap", NAMESPACE, "last-release")
    assert note is not None
    assert note["data"]["state"] == "done"
    (web,) = re.findall(r"\bweb=(\S+) ", note["data"]["before"])
    version = fake.cluster.state.get("ReplicaSet", NAMESPACE, web)
    assert version is not None
    assert version["spec"]["template"]["spec"]["containers"][0]["image"] == OLD
    assert not list((fake.folder / "k8s" / "overlays").glob(".release*"))
    plan.prove(line="rolling", target="kubernetes", how="rehearsed", figure=STAND_IN)


def test_the_first_release_of_an_environment_needs_nothing_of_ours(empty: FakeCluster) -> None:
    done = empty.release()
    assert done.returncode == 0, done.stderr
    assert empty.serves() == NEW
    assert not (empty.folder / "executed").exists()
    back = empty.script("rollback.sh")
    assert back.returncode == 1
    assert "it was the first" in back.stderr
    assert set(empty.images().values()) == {NEW}


def _without(kind: str, name: str, namespace: str = NAMESPACE) -> Any:
    return lambda fake: fake.cluster.state.delete(kind, namespace, name)


def _refuse(word: str) -> Any:
    return lambda fake: fake.cluster.state.refuses.add(word)


def _forbid(word: str) -> Any:
    return lambda fake: fake.cluster.state.forbidden.add(word)


def _lacks(api: str) -> Any:
    return lambda fake: fake.cluster.without.add(api)


MISSING = {
    "cluster": (lambda fake: (fake.folder / "config").write_text(""), "cannot be reached"),
    "argo": (_lacks("argoproj.io/v1alpha1"), "install Argo Rollouts"),
    "keda": (_lacks("keda.sh/v1alpha1"), "install KEDA"),
    "gateway api": (_lacks("gateway.networking.k8s.io/v1"), "the Gateway API and a controller"),
    "gateway": (_without("Gateway", "public", "gateway"), "the Gateway public in gateway"),
    "store": (_without("ClusterSecretStore", "maitred", ""), "the ClusterSecretStore maitred"),
    "secret": (_without("Secret", "maitred"), "the Secret maitred in maitred-staging has no REDIS"),
    "jobs": (_forbid("delete jobs"), "no permission to delete jobs"),
    "exec": (_forbid("create pods/exec"), "no permission to create pods --subresource=exec"),
    "promotion": (_forbid("patch rollouts/status"), "no permission to patch rollouts.argoproj.io"),
    "plugin": (_without("ConfigMap", "argo-rollouts-config", "argo-rollouts"), "no plugin"),
    "prometheus": (
        _without("Service", "kube-prometheus-stack-prometheus", "monitoring"),
        "no Prometheus at http://kube-prometheus-stack-prometheus.monitoring:9090",
    ),
    "led": (_without("Rollout", "web"), "release once by rolling"),
    "policy": (_refuse("admission"), "rejects the manifests"),
    "image": (_refuse("image"), f"cannot pull the image {NEW}"),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_is_said_before_anything_changes(what: str, fake: FakeCluster) -> None:
    takes_away, says = MISSING[what]
    takes_away(fake)
    done = fake.release("canary")
    assert done.returncode == 1
    assert says in done.stderr
    assert "nothing was changed" in done.stderr
    assert fake.wrote() == []
    assert not (fake.folder / "executed").exists()
    assert fake.cluster.state.get("Pod", NAMESPACE, "preflight") is None


def test_an_overlay_without_argo_is_told_so_where_argo_leads(fake: FakeCluster) -> None:
    file = fake.folder / "k8s" / "overlays" / "staging" / "kustomization.yaml"
    file.write_text(file.read_text().replace("  - ../../components/argo\n", ""))
    done = fake.release("canary")
    assert done.returncode == 1
    assert "canary needs Argo: overlays/staging has no components/argo" in done.stderr
    assert "see 'Away from Argo'" in done.stderr
    assert fake.wrote() == []


def test_words_that_nobody_knows_are_refused(fake: FakeCluster) -> None:
    assert "no such strategy" in fake.release("yellow").stderr
    nowhere = fake.run("sh", str(K8S / "release.sh"), "nowhere", NEW)
    assert "no such environment" in nowhere.stderr
    (fake.folder / "bare").mkdir()
    (fake.folder / "bare" / "dirname").symlink_to("/usr/bin/dirname")
    bare = str(fake.folder / "bare")
    without = fake.run("/bin/sh", str(K8S / "release.sh"), "staging", NEW, PATH=bare)
    assert (without.returncode, without.stderr) == (2, "!!! kubectl is not installed\n")


#: Failing step -> message. Failures before the processes change none; later ones roll back.
UNTOUCHED = {
    "PATCH configmaps/settings": "",
    "POST jobs/migrate": "the migration could not be started",
    "migrate": "the migrations failed",
    "secrets": "the secrets were not delivered",
    "POST configmaps/last-release": "the deployed version could not be recorded",
}
BACK = {
    "PATCH deployments/worker-allocation": "not everything could be applied",
    "deployment/scheduler": "deployment.apps/scheduler does not become healthy",
}


@pytest.mark.parametrize("step", [step for step in UNTOUCHED if UNTOUCHED[step]])
def test_a_release_that_fails_before_the_processes_changes_none(
    step: str, fake: FakeCluster
) -> None:
    fake.cluster.state.refuses.add(step)
    done = fake.release()
    assert done.returncode == 1
    assert f"!!! {UNTOUCHED[step]}: no process was changed" in done.stderr
    assert set(fake.images().values()) == {OLD}
    if step == "migrate":
        assert "no such column" in done.stdout


def test_without_a_backup_nothing_is_migrated_but_by_leave(fake: FakeCluster) -> None:
    (fake.folder / "no-backup").touch()
    done = fake.release()
    assert done.returncode == 1
    assert "no backup was made: no process was changed" in done.stderr
    assert fake.wrote() == []
    assert fake.release(WITHOUT_BACKUP="1").returncode == 0
    plan.prove(line="backup-before-release", target="kubernetes", how="rehearsed", figure=STAND_IN)


@pytest.mark.parametrize("step", BACK)
def test_a_release_that_fails_among_the_processes_takes_back_what_it_changed(
    step: str, fake: FakeCluster
) -> None:
    fake.cluster.state.refuses.add(step)
    done = fake.release()
    assert done.returncode == 1
    assert BACK[step] in done.stderr
    assert set(fake.images().values()) == {OLD}
    assert fake.serves() == OLD


def test_a_rollback_takes_one_release_back_and_is_no_switch(fake: FakeCluster) -> None:
    assert fake.release().returncode == 0
    assert fake.script("rollback.sh").returncode == 0
    assert set(fake.images().values()) == {OLD}
    again = fake.script("rollback.sh")
    assert again.returncode == 1
    assert "no release to roll back" in again.stderr
    assert set(fake.images().values()) == {OLD}
    plan.prove(line="rollback", target="kubernetes", how="rehearsed", figure=STAND_IN)


def test_the_same_version_once_more_leaves_nothing_to_take_back(fake: FakeCluster) -> None:
    assert fake.release().returncode == 0
    assert fake.release().returncode == 0
    done = fake.script("rollback.sh")
    assert done.returncode == 0
    assert "there is nothing to roll back" in done.stdout
    assert set(fake.images().values()) == {NEW}


def test_a_release_that_was_interrupted_and_run_again_goes_back_behind_both(
    fake: FakeCluster,
) -> None:
    note = {"before": "web=1 scheduler=1 ", "image": NEW, "state": "under way"}
    fake.put("ConfigMap", "last-release", data=note)
    web = copy.deepcopy(fake.cluster.state.get("Deployment", NAMESPACE, "web"))
    assert web is not None
    web["spec"]["template"]["spec"]["containers"][0]["image"] = NEW
    fake.cluster.state.put(web)
    fake.cluster.state.refuses.add("deployment/scheduler")
    assert fake.release().returncode == 1
    assert fake.images()["web"] == OLD


def test_a_release_that_cannot_read_the_one_before_changes_no_process(fake: FakeCluster) -> None:
    note = {"before": "web=1 scheduler=1 ", "image": NEW, "state": "under way"}
    fake.put("ConfigMap", "last-release", data=note)
    fake.cluster.state.refuses.add("GET configmaps/last-release")
    done = fake.release()
    assert done.returncode == 1
    assert "the previous release cannot be read: no process was changed" in done.stderr
    assert set(fake.images().values()) == {OLD}
    kept = fake.cluster.state.get("ConfigMap", NAMESPACE, "last-release")
    assert kept is not None
    assert kept["data"] == note


def test_a_rollback_that_is_interrupted_and_run_again_goes_on(fake: FakeCluster) -> None:
    assert fake.release().returncode == 0
    fake.cluster.state.refuses.add("PATCH deployments/worker-messages")
    assert fake.script("rollback.sh").returncode == 1
    assert fake.images()["web"] == OLD
    assert fake.images()["worker-messages"] == NEW
    numbers = {
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for each in fake.cluster.state.of("ReplicaSet", NAMESPACE)
        if each["metadata"]["ownerReferences"][0]["name"] == "web"
    }
    assert numbers == {"2", "3"}
    fake.cluster.state.refuses.clear()
    done = fake.script("rollback.sh")
    assert done.returncode == 0, done.stderr
    assert set(fake.images().values()) == {OLD}
    assert fake.cluster.state.get("ConfigMap", NAMESPACE, "last-release") is None


def test_a_rollback_that_gets_no_answer_takes_nothing_back(fake: FakeCluster) -> None:
    assert fake.release().returncode == 0
    fake.cluster.state.refuses.add("GET rollouts/web")
    done = fake.script("rollback.sh")
    assert done.returncode == 1
    assert "nothing was rolled back" in done.stderr
    assert set(fake.images().values()) == {NEW}


def test_a_canary_that_is_judged_well_has_all_requests_in_the_end(fake: FakeCluster) -> None:
    done = fake.release("canary")
    assert done.returncode == 0, done.stderr
    assert fake.serves() == NEW


def test_a_canary_that_is_judged_worse_takes_the_workers_back_too(fake: FakeCluster) -> None:
    fake.cluster.state.refuses.add("verdict")
    done = fake.release("canary")
    assert done.returncode == 1
    assert "RolloutAborted" in done.stderr
    assert "rolling back to the previous version" in done.stderr
    assert set(fake.images().values()) == {OLD}
    assert fake.serves() == OLD
    assert fake.web()["phase"] == "Healthy"
    plan.prove(line="canary", target="kubernetes", how="rehearsed", figure=STAND_IN)


def test_a_canary_is_waited_for_until_its_last_share_can_be_judged(fake: FakeCluster) -> None:
    argo = K8S / "components"
    steps = (argo / "argo-canary" / "kustomization.yaml").read_text().count("- analysis:")
    (judged,) = yaml.safe_load_all((argo / "argo" / "analysis.yaml").read_text())
    seconds = max(
        int(metric["interval"].removesuffix("s")) * metric["count"]
        for metric in judged["spec"]["metrics"]
    )
    tries = fake.run("sh", "-c", f"strategy=canary; . {K8S}/words.sh; patience").stdout
    assert steps == 3
    assert int(tries) * 5 > steps * (seconds + 300)
    assert int(fake.run("sh", "-c", f". {K8S}/words.sh; patience").stdout) * 5 == 30 * 60


def test_a_canary_with_too_few_requests_waits_for_a_word_and_then_goes_back(
    fake: FakeCluster,
) -> None:
    fake.cluster.state.refuses.add("requests")
    done = fake.release("canary")
    assert done.returncode == 1
    assert "make promote ENVIRONMENT=staging" in done.stdout
    assert fake.serves() == OLD


def test_a_blue_green_waits_for_its_promotion_and_is_not_taken_back(fake: FakeCluster) -> None:
    done = fake.release("blue-green")
    assert done.returncode == 1
    assert "has not been promoted" in done.stderr
    assert fake.serves() == OLD
    assert fake.images()["web"] == NEW
    assert fake.script("promote.sh").returncode == 0
    assert fake.serves() == NEW
    assert fake.release("blue-green").returncode == 0
    plan.prove(line="blue-green", target="kubernetes", how="rehearsed", figure=STAND_IN)


NEXT = "registry.example/maitred:3"


@pytest.mark.parametrize("who", ["make promote", "argo's own page"])
def test_a_release_after_a_promoted_one_goes_back_to_that(who: str, fake: FakeCluster) -> None:
    assert fake.release("blue-green").returncode == 1
    if who == "make promote":
        assert fake.script("promote.sh").returncode == 0
        note = fake.cluster.state.get("ConfigMap", NAMESPACE, "last-release")
        assert note is not None
        assert note["data"]["state"] == "done"
    else:
        rollout = copy.deepcopy(fake.cluster.state.get("Rollout", NAMESPACE, "web"))
        assert rollout is not None
        rollout["status"]["promoteFull"] = True
        fake.cluster.state.put(rollout)
    assert fake.serves() == NEW
    done = fake.script("release.sh", NEXT)
    assert done.returncode == 0, done.stderr
    assert fake.serves() == NEXT
    assert fake.script("rollback.sh").returncode == 0
    assert set(fake.images().values()) == {NEW}
    assert fake.serves() == NEW


def test_a_release_over_one_that_nobody_promoted_goes_back_behind_both(fake: FakeCluster) -> None:
    assert fake.release("blue-green").returncode == 1
    fake.cluster.state.refuses.add("deployment/scheduler")
    assert fake.script("release.sh", NEXT).returncode == 1
    assert fake.images()["web"] == OLD
    assert fake.serves() == OLD


def test_a_promotion_that_does_not_become_well_is_told(fake: FakeCluster) -> None:
    assert fake.release("blue-green").returncode == 1
    fake.cluster.state.refuses.add("argo")
    done = fake.script("promote.sh")
    assert done.returncode == 1
    assert "make rollback ENVIRONMENT=staging" in done.stderr
    note = fake.cluster.state.get("ConfigMap", NAMESPACE, "last-release")
    assert note is not None
    assert note["data"]["state"] == "with Argo"


def test_rolling_after_a_canary_gives_the_service_all_pods_again(fake: FakeCluster) -> None:
    assert fake.release("canary").returncode == 0
    service = fake.cluster.state.get("Service", NAMESPACE, "web")
    assert service is not None
    assert HASH in service["spec"]["selector"]
    assert fake.release().returncode == 0
    service = fake.cluster.state.get("Service", NAMESPACE, "web")
    assert service is not None
    assert HASH not in service["spec"]["selector"]


def test_a_deployment_is_handed_over_to_argo_before_its_version_changes(fake: FakeCluster) -> None:
    fake.cluster.state.delete("Rollout", NAMESPACE, "web")
    web = fake.cluster.state.get("Deployment", NAMESPACE, "web")
    assert web is not None
    web["spec"]["replicas"] = 5
    done = fake.release()
    assert done.returncode == 0, done.stderr
    wrote = fake.wrote()
    handed, changed = wrote.index("POST rollouts/web"), wrote.index("PATCH deployments/web")
    assert handed < changed
    rollout = fake.cluster.state.get("Rollout", NAMESPACE, "web")
    assert rollout is not None
    assert rollout["spec"]["replicas"] == 5


@pytest.mark.parametrize("word", ["PATCH rollouts/web", "PATCH rollouts/web/scale"])
def test_a_handing_over_that_is_interrupted_leaves_as_many_pods(
    word: str, fake: FakeCluster
) -> None:
    fake.cluster.state.delete("Rollout", NAMESPACE, "web")
    web = fake.cluster.state.get("Deployment", NAMESPACE, "web")
    assert web is not None
    web["spec"]["replicas"] = 5
    fake.cluster.state.refuses.add(word)
    fake.release()
    rollout = fake.cluster.state.get("Rollout", NAMESPACE, "web")
    assert rollout is not None
    assert rollout["spec"]["replicas"] == 5
    fake.cluster.state.refuses.clear()
    assert fake.release().returncode == 0
    rollout = fake.cluster.state.get("Rollout", NAMESPACE, "web")
    assert rollout is not None
    assert rollout["spec"]["replicas"] == 5


#: The first request is the preflight's, the second kubectl's own, the third precedes the hand-over.
@pytest.mark.parametrize("time", [1, 3])
def test_a_cluster_that_does_not_answer_is_not_one_that_argo_does_not_lead(
    time: int, fake: FakeCluster
) -> None:
    rollout = fake.cluster.state.get("Rollout", NAMESPACE, "web")
    assert rollout is not None
    rollout["spec"]["replicas"] = 5
    fake.cluster.state.refuses.add(f"GET rollouts/web {time}")
    done = fake.release()
    assert done.returncode == 1
    assert "did not report whether Argo manages the web process" in done.stderr
    assert fake.wrote() == []
    rollout = fake.cluster.state.get("Rollout", NAMESPACE, "web")
    assert rollout is not None
    assert rollout["spec"]["replicas"] == 5


def test_without_argo_s_controller_no_process_changes(fake: FakeCluster) -> None:
    fake.cluster.state.refuses.add("argo")
    fake.web()["observedGeneration"] = "0"
    done = fake.release()
    assert done.returncode == 1
    assert "is it running?" in done.stderr
    assert set(fake.images().values()) == {OLD}


def test_a_smoke_test_that_fails_takes_the_release_back_and_says_so(fake: FakeCluster) -> None:
    assert fake.release().returncode == 0
    smoke = fake.folder / "smoke"
    smoke.write_text(
        f"#!/bin/sh\necho $* >>{fake.folder}/smoked\n[ $(wc -l <{fake.folder}/smoked) -gt 1 ]\n"
    )
    smoke.chmod(0o755)
    done = fake.script("smoke.sh", "https://x.example", "demo", SMOKE=str(smoke))
    assert done.returncode == 1
    assert "rolled back: the previous version is deployed in staging, and works" in done.stderr
    assert set(fake.images().values()) == {OLD}
    assert (fake.folder / "smoked").read_text() == "https://x.example demo\n" * 2
    for target in ("github", "gitlab", "jenkins"):
        plan.prove(line="pipeline-deploy", target=target, how="rehearsed", figure=STAND_IN)


def test_a_smoke_test_that_passes_or_has_no_address_takes_nothing_back(fake: FakeCluster) -> None:
    assert fake.release().returncode == 0
    assert fake.script("smoke.sh", "https://x.example", "demo", SMOKE="true").returncode == 0
    assert fake.script("smoke.sh", "", "demo", SMOKE="false").returncode == 2
    assert set(fake.images().values()) == {NEW}
    fake.cluster.state.delete("ConfigMap", NAMESPACE, "last-release")
    done = fake.script("smoke.sh", "https://x.example", "demo", SMOKE="false")
    assert "NOT rolled back: staging needs an operator now" in done.stderr


PAGE = (ROOT / "docs" / "deploy" / "kubernetes.md").read_text(encoding="utf-8")


def _commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_page_s_commands_are_executed_in_their_order(fake: FakeCluster) -> None:
    smoked = fake.folder / "python3"
    smoked.write_text("#!/bin/sh\nexit 0\n")
    smoked.chmod(0o755)
    fake.cluster.state.refuses.add("promotion")
    failed, led = {}, copy.deepcopy(fake.cluster.state.get("Rollout", NAMESPACE, "web"))
    for command in _commands():
        words = command.replace("production", "staging").replace(
            "make smoke-or-rollback", f"make RUN={smoked} BOOTSTRAP=@: smoke-or-rollback"
        )
        if "make promote" in command:
            # so that there is something to promote, and something to roll back
            assert fake.release("blue-green").returncode == 0
        if "annotate scaledobject" in command and led:
            # for the section on a second region: the commands above have removed Argo
            assert fake.cluster.state.get("Rollout", NAMESPACE, "web") is None
            fake.cluster.state.put(led)
        done = fake.run("sh", "-c", words)
        if done.returncode:
            failed[command] = done.stderr
    assert list(failed) == [], failed
    plan.prove(line="second-region", target="kubernetes", how="rehearsed", figure=STAND_IN)


def _maitred(fake: FakeCluster, *words: str) -> subprocess.CompletedProcess[str]:
    return fake.run(sys.executable, "-m", "deploy.cli", *words, "--kubernetes", "staging")


def test_the_words_of_a_machine_hold_on_a_cluster(fake: FakeCluster) -> None:
    done = _maitred(fake, "release", "start", NEW)
    assert done.returncode == 0, done.stderr
    assert fake.serves() == NEW
    assert _maitred(fake, "release", "rollback").returncode == 0
    assert fake.serves() == OLD
    assert NEW in _maitred(fake, "release", "list").stdout
    failed = _maitred(fake, "release", "rollback")
    assert failed.returncode == 1
    assert "rollback.sh ended with 1" in failed.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    argv = [sys.executable, "-m", "deploy.cli", "release", "start", str(tmp_path / "nowhere")]
    refused = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "nowhere is not a folder" in refused.stderr
