"""Generate docs/deployment-plan.md: `python -m tests.plan [FOLDER...]`, default build/plan."""

import json
import sys
from pathlib import Path

from tests.plan.lines import LINES, NO_PROOF
from tests.plan.page import KEPT, PAGE, cell, exists, merged, page
from tests.services.plan import FOLDER


def main(folders: list[Path]) -> None:
    """Merge the records that test sessions wrote to `folders`, store them, and write the page."""
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else []
    files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    for name in sorted({each["test"] for each in kept if not exists(each["test"])}):
        print(f"{name} no longer exists; its records are removed")
    records = merged(kept, runs)
    KEPT.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(records), encoding="utf-8")
    open_ = [
        f"{line} ({target})"
        for line, promise in LINES.items()
        for target in promise.targets
        if cell(records, line, target) == NO_PROOF
    ]
    print(f"{PAGE.name}: {len(records)} records, {len(files)} new runs")
    print(f"not verified: {', '.join(open_) or 'nothing'}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [FOLDER])
