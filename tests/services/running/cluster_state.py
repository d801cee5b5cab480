"""The state of a fake Kubernetes cluster, with immediate effects of its controllers.

Deployments get their ReplicaSets and revisions, Jobs end, Pods run, and Argo's Rollout follows its
Deployment, as their sources define. `refuses` names what fails.
"""

import copy
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
HASH = "rollouts-pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


def merged(old: Any, new: Any) -> Any:
    """JSON merge patch, with lists of named items merged as a strategic merge patch does."""
    if isinstance(new, dict) and isinstance(old, dict):
        found = dict(old)
        for key, value in new.items():
            if key.startswith("$"):
                continue
            if value is None:
                found.pop(key, None)
            else:
                found[key] = merged(found.get(key), value)
        return found
    if isinstance(new, list) and isinstance(old, list) and _are_named([*old, *new]):
        by_name = {each["name"]: each for each in old}
        for each in new:
            by_name[each["name"]] = merged(by_name.get(each["name"], {}), each)
        return list(by_name.values())
    return _without_none(new)


def _are_named(things: list[Any]) -> bool:
    return all(isinstance(each, dict) and "name" in each for each in things)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return value


def _said(value: Any) -> Any:
    """Drop empty values: an undo writes `resources: {}` and `creationTimestamp: null`."""
    if isinstance(value, dict):
        said = {key: _said(each) for key, each in value.items()}
        return {key: each for key, each in said.items() if each not in (None, {}, [])}
    if isinstance(value, list):
        return [_said(each) for each in value]
    return value


def hash_of(template: Object) -> str:
    """A name for a pod template; equivalent templates have the same name."""
    return hashlib.sha256(json.dumps(_said(template), sort_keys=True).encode()).hexdigest()[:10]


@dataclass
class State:
    """Every object by (kind, namespace, name)."""

    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    #: e.g. "migrate", "image", "deployment/scheduler", "verdict", "argo", "promotion"
    refuses: set[str] = field(default_factory=set)
    #: words of `auth can-i` that are denied: "create pods"
    forbidden: set[str] = field(default_factory=set)
    made: int = 0
    #: how often each object was requested: "GET rollouts/web"
    asked: Counter[str] = field(default_factory=Counter)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((kind, namespace, name))

    def refuses_to_tell(self, word: str) -> bool:
        """Whether `refuses` has the word, or the word and the current number of requests for it."""
        self.asked[word] += 1
        return bool({word, f"{word} {self.asked[word]}"} & self.refuses)

    def of(self, kind: str, namespace: str = "") -> Iterator[Object]:
        """All objects of a kind, in one namespace or in all."""
        for (its_kind, its_namespace, _), each in list(self.objects.items()):
            if its_kind == kind and namespace in ("", its_namespace):
                yield each

    def put(self, new: Object) -> Object:
        """Store an object as the server does, then run the controllers."""
        meta = new["metadata"]
        key = (new["kind"], meta.get("namespace", ""), meta["name"])
        old = self.objects.get(key)
        self.made += 1
        meta.setdefault("uid", f"uid-{self.made}")
        meta.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        meta["resourceVersion"] = str(self.made)
        was = meta.get("generation", 0)
        changed = old is None or old.get("spec") != new.get("spec")
        meta["generation"] = was + 1 if changed else was
        self.objects[key] = copy.deepcopy(new)
        self._control(self.objects[key])
        return self.objects[key]

    def delete(self, kind: str, namespace: str, name: str) -> Object | None:
        """Remove and return an object."""
        return self.objects.pop((kind, namespace, name), None)

    def _control(self, one: Object) -> None:
        kind, name = one["kind"], one["metadata"]["name"]
        if kind == "Deployment":
            self._version(one)
        elif kind == "Job":
            self._run(one, failed=name in self.refuses)
        elif kind == "Pod":
            waits = [{"name": name, "state": {"waiting": {"reason": "ErrImagePull"}}}]
            lacks = "image" in self.refuses
            one["status"] = (
                {"phase": "Pending", "containerStatuses": waits}
                if lacks
                else {"phase": "Succeeded"}
            )
        elif kind == "ExternalSecret":
            is_ready = "secrets" not in self.refuses
            one["status"] = {"conditions": [{"type": "Ready", "status": str(is_ready)}]}
        if kind in ("Deployment", "Rollout"):
            self._lead(one["metadata"]["namespace"])

    def _run(self, job: Object, *, failed: bool) -> None:
        meta, labels = job["metadata"], {"batch.kubernetes.io/job-name": job["metadata"]["name"]}
        ended = {"type": "Failed" if failed else "Complete", "status": "True"}
        job["status"] = {"conditions": [ended]}
        job["spec"]["selector"] = {"matchLabels": labels}
        name, namespace = f"{meta['name']}-x", meta["namespace"]
        self.objects[("Pod", namespace, name)] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels, "uid": name},
            "spec": {"containers": job["spec"]["template"]["spec"]["containers"]},
            "status": {"phase": "Failed" if failed else "Succeeded"},
        }

    def _version(self, one: Object) -> None:
        meta, spec = one["metadata"], one["spec"]
        spec.setdefault("replicas", 1)
        template = copy.deepcopy(spec["template"])
        name = f"{meta['name']}-{hash_of(template)}"
        sets = [
            each
            for each in self.of("ReplicaSet", meta["namespace"])
            if each["metadata"]["ownerReferences"][0]["uid"] == meta["uid"]
        ]
        latest = max((int(_notes(each)[REVISION]) for each in sets), default=0)
        mine = self.get("ReplicaSet", meta["namespace"], name)
        if mine is None or int(_notes(mine)[REVISION]) != latest:
            latest += 1
        owner = {"kind": "Deployment", "name": meta["name"], "uid": meta["uid"], "controller": True}
        self.objects[("ReplicaSet", meta["namespace"], name)] = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "uid": f"uid-{name}",
                "creationTimestamp": f"2026-01-01T00:00:{latest:02}Z",
                "labels": template["metadata"]["labels"],
                "annotations": {REVISION: str(latest)},
                "ownerReferences": [{"apiVersion": "apps/v1"} | owner],
            },
            "spec": {"replicas": 0, "selector": spec["selector"], "template": template},
        }
        meta.setdefault("annotations", {})[REVISION] = str(latest)
        count = spec["replicas"]
        one["status"] = {"observedGeneration": meta["generation"], "replicas": count}
        one["status"] |= {"updatedReplicas": count, "availableReplicas": count}
        if f"deployment/{meta['name']}" in self.refuses and latest > 1:
            late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
            one["status"] |= {"availableReplicas": 0, "conditions": [late]}

    def _lead(self, namespace: str) -> None:
        """Act as Argo, as far as a release depends on it."""
        rollout = self.get("Rollout", namespace, "web")
        deployment = self.get("Deployment", namespace, "web")
        if rollout is None or "argo" in self.refuses:
            return
        status = rollout.setdefault("status", {})
        status["observedGeneration"] = str(rollout["metadata"]["generation"])
        if deployment is None:
            status["phase"] = "Degraded"
            return
        status["workloadObservedGeneration"] = str(deployment["metadata"]["generation"])
        deployment["spec"]["replicas"] = 0
        current = hash_of(deployment["spec"]["template"])
        status["currentPodHash"] = current
        stable = status.setdefault("stableRS", current)
        strategy = rollout["spec"]["strategy"]
        steps = strategy.get("canary", {}).get("steps")
        judged, waits = bool(steps), "blueGreen" in strategy
        if status.pop("promoteFull", False) or not (judged or waits):
            judged = waits = False
        if current == stable or not (judged or waits):
            status |= {"stableRS": current, "phase": "Healthy"}
        elif judged and "verdict" in self.refuses:
            status |= {"phase": "Degraded", "message": "RolloutAborted: metric errors failed"}
        elif (waits and "promotion" not in self.refuses) or "requests" in self.refuses:
            status["phase"] = "Paused"
        else:
            status |= {"stableRS": current, "phase": "Healthy"}
        service = strategy.get("canary", {}).get("stableService") or strategy.get(
            "blueGreen", {}
        ).get("activeService")
        if service and (found := self.get("Service", namespace, service)):
            found["spec"]["selector"][HASH] = status["stableRS"]


def _notes(one: Object) -> dict[str, str]:
    notes: dict[str, str] = one["metadata"]["annotations"]
    return notes
