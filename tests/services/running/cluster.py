"""A fake Kubernetes API server, sufficient for a release with the real `kubectl`.

kubectl discovers kinds, reads, applies, patches, waits and rolls back over HTTP, so its commands,
JSON paths and selectors are tested. Fields are not validated; the schemas are
(tests/deploy/kubernetes/test_kubernetes.py). The starter of kubectl handles `exec`.
"""

import copy
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.services.running.cluster_state import Object, State, merged

#: api version -> kind -> (plural, is namespaced)
KINDS: dict[str, dict[str, tuple[str, bool]]] = {
    "v1": {
        "Namespace": ("namespaces", False),
        "ConfigMap": ("configmaps", True),
        "Secret": ("secrets", True),
        "Service": ("services", True),
        "Pod": ("pods", True),
        "ServiceAccount": ("serviceaccounts", True),
        "PersistentVolumeClaim": ("persistentvolumeclaims", True),
    },
    "apps/v1": {"Deployment": ("deployments", True), "ReplicaSet": ("replicasets", True)},
    "batch/v1": {"Job": ("jobs", True)},
    "autoscaling/v2": {"HorizontalPodAutoscaler": ("horizontalpodautoscalers", True)},
    "policy/v1": {"PodDisruptionBudget": ("poddisruptionbudgets", True)},
    "networking.k8s.io/v1": {
        "NetworkPolicy": ("networkpolicies", True),
        "Ingress": ("ingresses", True),
    },
    "gateway.networking.k8s.io/v1": {
        "HTTPRoute": ("httproutes", True),
        "Gateway": ("gateways", True),
    },
    "external-secrets.io/v1": {
        "ExternalSecret": ("externalsecrets", True),
        "ClusterSecretStore": ("clustersecretstores", False),
    },
    "keda.sh/v1alpha1": {
        "ScaledObject": ("scaledobjects", True),
        "TriggerAuthentication": ("triggerauthentications", True),
    },
    "monitoring.coreos.com/v1": {
        "PodMonitor": ("podmonitors", True),
        "PrometheusRule": ("prometheusrules", True),
    },
    "argoproj.io/v1alpha1": {
        "Rollout": ("rollouts", True),
        "AnalysisTemplate": ("analysistemplates", True),
    },
}
_REVIEW = {
    "name": "selfsubjectaccessreviews", "kind": "SelfSubjectAccessReview", "namespaced": False,
    "singularName": "", "verbs": ["create"],
}  # fmt: skip
_SCALE: Object = {
    "group": "autoscaling", "version": "v1", "kind": "Scale", "namespaced": True,
    "verbs": ["get", "patch"],
}  # fmt: skip
_PATH = re.compile(
    r"/(?:api|apis)/(?P<api>v1|[\w.-]+/\w+)(?:/namespaces/(?P<ns>[\w.-]+))?"
    r"/(?P<plural>\w+)(?:/(?P<name>[\w.-]+))?(?:/(?P<sub>\w+))?"
)


class Cluster:
    """The server and its state. `told` lists the writes, such as `PATCH deployments/web`."""

    def __init__(self, url: str) -> None:
        self.url, self.state, self.told = url, State(), list[str]()
        #: api versions that are not installed
        self.without: set[str] = set()

    def kinds(self) -> dict[str, dict[str, tuple[str, bool]]]:
        """The installed kinds."""
        return {api: kinds for api, kinds in KINDS.items() if api not in self.without}


@contextmanager
def cluster() -> Iterator[Cluster]:
    """An empty cluster on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    held = Cluster(f"http://127.0.0.1:{server.server_address[1]}")
    server.cluster = held  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()


def _status(code: int, reason: str, message: str) -> Object:
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }  # fmt: skip


def _matches(one: Object, selector: str) -> bool:
    labels = one["metadata"].get("labels", {})
    for part in filter(None, selector.split(",")):
        if "!=" in part:
            key, _, value = part.partition("!=")
            if labels.get(key) == value:
                return False
        elif part.startswith("!"):
            if part[1:] in labels:
                return False
        else:
            key, _, value = part.replace("==", "=").partition("=")
            if labels.get(key) != value:
                return False
    return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    @property
    def cluster(self) -> Cluster:
        found: Cluster = self.server.cluster  # type: ignore[attr-defined]
        return found

    def _answer(self, body: Any, code: int = 200) -> None:
        if isinstance(body, dict) and body.get("status") == "Failure":
            code = body["code"]
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header(
            "Content-Type", "text/plain" if isinstance(body, str) else "application/json"
        )
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _body(self) -> Any:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return json.loads(raw) if raw else {}

    def _discovery(self, path: str) -> Object | None:
        kinds = self.cluster.kinds()
        if path == "/version":
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups = []
            for api in kinds.keys() | {"authorization.k8s.io/v1"}:
                if "/" in api:
                    one = {"groupVersion": api, "version": api.partition("/")[2]}
                    name = api.partition("/")[0]
                    groups.append({"name": name, "versions": [one], "preferredVersion": one})
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        api = path.removeprefix("/apis/").removeprefix("/api/")
        if api == "authorization.k8s.io/v1":
            return {"kind": "APIResourceList", "groupVersion": api, "resources": [_REVIEW]}
        if path == "/openapi/v3":
            paths = {f"{'apis' if '/' in api else 'api'}/{api}": api for api in kinds}
            return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}"} for p in paths}}
        if path.startswith("/openapi/v3/"):
            return _schema(path.removeprefix("/openapi/v3/").partition("/")[2], kinds)
        if api not in kinds:
            return None
        resources: list[Object] = [
            {
                "name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": inside,
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            }
            for kind, (plural, inside) in kinds[api].items()
        ]  # fmt: skip
        for plural in {"deployments", "rollouts"} & {each["name"] for each in resources}:
            resources.append(_SCALE | {"name": f"{plural}/scale"})
        return {"kind": "APIResourceList", "groupVersion": api, "resources": resources}

    def _place(self) -> tuple[str, str, str, str, str, dict[str, str]] | None:
        """Kind, api version, namespace, name, subresource and query of the path."""
        split = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(split.query).items()}
        path = split.path
        if named := re.fullmatch(r"/api/v1/namespaces(?:/([\w.-]+))?", path):
            return "Namespace", "v1", "", named[1] or "", "", query
        found = _PATH.fullmatch(path)
        if found is None or found["api"] not in self.cluster.kinds():
            return None
        for kind, (plural, _) in self.cluster.kinds()[found["api"]].items():
            if plural == found["plural"]:
                parts = (found["ns"] or "", found["name"] or "", found["sub"] or "")
                return kind, found["api"], *parts, query
        return None

    def _missing(self, what: str = "the server could not find the requested resource") -> None:
        self._answer(_status(404, "NotFound", what))

    def do_GET(self) -> None:
        if known := self._discovery(urlsplit(self.path).path):
            self._answer(known)
            return
        place = self._place()
        if place is None:
            self._missing()
            return
        kind, api, namespace, name, sub, query = place
        state = self.cluster.state
        plural = urlsplit(self.path).path.split("/")[-2]
        if name and not sub and state.refuses_to_tell(f"GET {plural}/{name}"):
            self._answer(_status(403, "Forbidden", f"{plural}/{name} cannot be read"))
        elif sub == "log":
            self._answer("Traceback: no such column\n")
        elif query.get("watch") in ("1", "true"):
            self._watch()
        elif name:
            found = state.get(kind, namespace, name)
            if found is None:
                self._missing(f'{kind.lower()} "{name}" not found')
            elif sub == "scale":
                self._answer(_scale(found))
            else:
                self._answer(found)
        else:
            field = query.get("fieldSelector", "").rpartition("=")[2]
            items = [
                each
                for each in state.of(kind, namespace)
                if _matches(each, query.get("labelSelector", ""))
                and field in ("", each["metadata"]["name"])
            ]
            listed = {"kind": f"{kind}List", "apiVersion": api, "items": items}
            self._answer(listed | {"metadata": {"resourceVersion": str(state.made)}})

    def _watch(self) -> None:
        """Send no events: the fake controllers act immediately."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def _write(self, one: Object, verb: str, place: tuple[Any, ...]) -> None:
        kind, sub, query = place[0], place[4], place[5]
        if "dryRun" in query:
            refused = "admission" in self.cluster.state.refuses
            self._answer(_status(403, "Forbidden", "denied by a policy") if refused else one)
            return
        plural = next(kinds[kind][0] for kinds in KINDS.values() if kind in kinds)
        word = f"{verb} {plural}/{one['metadata']['name']}{'/' + sub if sub else ''}"
        self.cluster.told.append(word)
        if word in self.cluster.state.refuses:
            self._answer(_status(403, "Forbidden", f"{word} is forbidden"))
            return
        stored = self.cluster.state.put(one)
        self._answer(_scale(stored) if sub == "scale" else stored)

    def do_POST(self) -> None:
        if "selfsubjectaccessreviews" in self.path:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            allowed = _asked(raw) not in self.cluster.state.forbidden
            review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
            self._answer(review | {"spec": {}, "status": {"allowed": allowed}}, 201)
            return
        body = self._body()
        place = self._place()
        if place is None:
            self._missing()
            return
        body["metadata"].setdefault("namespace", place[2])
        if not place[2]:
            del body["metadata"]["namespace"]
        self._write(body, "POST", place)

    def do_PATCH(self) -> None:
        body, place = self._body(), self._place()
        old = self.cluster.state.get(place[0], place[2], place[3]) if place else None
        if place is None or old is None:
            self._missing()
            return
        new = copy.deepcopy(old)
        if place[4] == "scale":
            new["spec"]["replicas"] = body["spec"]["replicas"]
        elif self.headers["Content-Type"] == "application/json-patch+json":
            _patch(new, body)
        else:
            new = merged(new, body)
        self._write(new, "PATCH", place)

    def do_PUT(self) -> None:
        body, place = self._body(), self._place()
        old = self.cluster.state.get(place[0], place[2], place[3]) if place else None
        if place is None or old is None:
            self._missing()
            return
        new = copy.deepcopy(old)
        new["spec"]["replicas"] = body["spec"]["replicas"]
        self._write(new, "PUT", place)

    def do_DELETE(self) -> None:
        self._body()
        place = self._place()
        gone = self.cluster.state.delete(place[0], place[2], place[3]) if place else None
        if place is None or gone is None:
            self._missing(f'"{place[3] if place else ""}" not found')
            return
        self.cluster.told.append(f"DELETE {self.path.partition('?')[0].rpartition('/')[2]}")
        self._answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})


def _schema(api: str, kinds: dict[str, dict[str, tuple[str, bool]]]) -> Object:
    """A schema without fields that leaves validation to the server, so that kubectl does none."""
    group, _, version = api.rpartition("/")
    paths = {
        f"/{kind}": {
            "patch": {
                "parameters": [{"name": "fieldValidation", "in": "query"}],
                "x-kubernetes-group-version-kind": {
                    "group": group, "version": version, "kind": kind,
                },
            }
        }
        for kind in kinds.get(api, {})
    }  # fmt: skip
    return {"openapi": "3.0.0", "info": {"title": api, "version": version}, "paths": paths}


def _fields(raw: bytes) -> dict[int, bytes]:
    """The fields of a protobuf message that are messages or strings."""
    found, place = {}, 0
    while place < len(raw):
        number, place = raw[place] >> 3, place + 1
        size = shift = 0
        while True:
            size |= (raw[place] & 0x7F) << shift
            shift, place = shift + 7, place + 1
            if not raw[place - 1] & 0x80:
                break
        found[number] = raw[place : place + size]
        place += size
    return found


def _asked(raw: bytes) -> str:
    """`create pods/exec`, from kubectl's access review (as protobuf)."""
    attributes = _fields(_fields(_fields(_fields(raw[4:])[2])[2])[1])
    resource = attributes[5] + (b"/" + attributes[6] if attributes.get(6) else b"")
    return f"{attributes[2].decode()} {resource.decode()}"


def _patch(one: Object, operations: list[Object]) -> None:
    for each in operations:
        *way, last = (part.replace("~1", "/") for part in each["path"].split("/")[1:])
        place: Any = one
        for part in way:
            place = place[int(part) if isinstance(place, list) else part]
        if each["op"] == "remove":
            del place[last]
        else:
            place[last] = each["value"]


def _scale(one: Object) -> Object:
    meta = {key: one["metadata"][key] for key in ("name", "namespace", "resourceVersion")}
    count = one["spec"].get("replicas", 1)
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta,
        "spec": {"replicas": count}, "status": {"replicas": count},
    }  # fmt: skip
