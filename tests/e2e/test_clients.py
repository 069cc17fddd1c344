"""Clients that are generated from the schemas pass their type checkers, and a shop works on them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.services import Service

CLIENTS = Path(__file__).with_name("clients")
PROGRAMS = CLIENTS / "node_modules/.bin"
MISSING = "needs npm and what it installs: make test does, if npm is there"
STRICT = ["--strict", "--target", "esnext", "--module", "nodenext", "--lib", "esnext,dom"]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def folder(tmp_path: Path, recommender: Service, ad_provider: Service) -> Path:
    """A folder with both schemas as files."""
    for service, name in ((recommender, "recommender"), (ad_provider, "ad_provider")):
        (tmp_path / f"{name}.json").write_bytes(service.get("/openapi.json").content)
    return tmp_path


def run(folder: Path, *command: str | Path) -> None:
    # Ruff, which formats what is made, is beside Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def test_python(folder: Path, recommender: Service, ad_provider: Service, token: dict[str, str]) -> None:
    made = ["--meta", "none", "--fail-on-warning"]
    for name in ("recommender", "ad_provider"):
        source = ["--path", f"{name}.json", "--output-path", f"{name}_client"]
        run(folder, sys.executable, "-m", "openapi_python_client", "generate", *source, *made)
        (folder / f"{name}_client" / "py.typed").touch()
    shutil.copy(CLIENTS / "shop.py", folder)
    run(folder, sys.executable, "-m", "mypy", "--config-file=", "--strict", "--follow-imports=silent", "shop.py")
    run(folder, sys.executable, "shop.py", recommender.url, ad_provider.url, token["Authorization"].split()[1])


def test_typescript(folder: Path, recommender: Service, ad_provider: Service, token: dict[str, str]) -> None:
    if not PROGRAMS.exists():
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    for name in ("recommender", "ad_provider"):
        # Otherwise what has a default is required of requests too.
        options = ["--output", f"{name}.ts", "--default-non-nullable=false"]
        run(folder, PROGRAMS / "openapi-typescript", f"{name}.json", *options)
    for name in ("shop.ts", "package.json"):
        shutil.copy(CLIENTS / name, folder)
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    run(folder, PROGRAMS / "tsc", *STRICT, "shop.ts")
    run(folder, "node", "shop.js", recommender.url, ad_provider.url, token["Authorization"].split()[1])
