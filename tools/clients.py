"""Try all clients, and if all went well, write docs/start/clients.md.

Each test says what it uses of a client and is held to it; here it is seen that it did so on both engines, and that no
test was skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.clients.page import PAGE, declared, rendered  # noqa: E402 - found only once the path is set
from tests.stores import ENGINES  # noqa: E402 - as above


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        tests = [sys.executable, "-m", "pytest", "tests/clients", "--deselect", "tests/clients/test_page.py"]
        ended = subprocess.run(tests, cwd=ROOT, env={**os.environ, "RIPSTOP_CLIENTS": str(results)}, check=False)
        if ended.returncode:
            return ended.returncode
        passed = json.loads(results.read_text())
    for client, wanted in declared().items():
        for engine in ENGINES:
            missing = wanted - set(passed.get(engine, []))
            if missing:
                print(f"{client}, {engine}: not tried: {', '.join(sorted(missing))}", file=sys.stderr)
                return 1
    PAGE.write_text(rendered(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
