"""The clouds' pages: their overlay patches render, and the pages they link to exist."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.architecture.tree import ROOT
from tests.deploy.kubernetes.test_kubernetes import K8S, built
from tests.services import plan

PAGES = {name: ROOT / "docs" / "deploy" / f"{name}.md" for name in ("aws", "azure", "google-cloud")}
#: Text that each page's patches add to the pods with backup access.
SIGNS = {
    "aws": "role/maitred-backups",
    "azure": "azure.workload.identity/use",
    "google-cloud": "gcsfuse.csi.storage.gke.io",
}


def _patches(name: str) -> list[object]:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGES[name].read_text(), re.MULTILINE | re.DOTALL)
    found: list[object] = yaml.safe_load(block)["patches"]
    return found


@pytest.mark.parametrize("name", PAGES)
def test_what_a_cloud_s_page_puts_into_the_overlay_is_rendered(name: str, tmp_path: Path) -> None:
    own = tmp_path / "k8s"
    shutil.copytree(K8S, own, ignore=shutil.ignore_patterns(".release*"))
    file = own / "overlays" / "production" / "kustomization.yaml"
    words = yaml.safe_load(file.read_text())
    words["patches"] = [*words.get("patches", []), *_patches(name)]
    file.write_text(yaml.safe_dump(words))
    manifests = built(own / "overlays" / "production")
    changed = {
        each["metadata"]["name"] for each in manifests if SIGNS[name] in yaml.safe_dump(each)
    }
    assert changed == ({"backups"} if name == "aws" else {"worker-backups", "follower"})
    plan.prove(line="production", target=name, how="rendered", figure="its page's patches")


@pytest.mark.parametrize("name", PAGES)
def test_each_page_says_how_to_come_back_to_a_time_and_in_another_region(name: str) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles == ["Roles, no keys", "Point in time", "Logs for 90 days", "A second region"]
    # the page names the recovery point, and no access key of the cloud
    assert "last second" in text
    assert "ACCESS_KEY" not in text
    for anchor in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text):
        assert (PAGES[name].parent / anchor).exists(), anchor
