"""Are we still tidy? Laws over the files of the project themselves."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    """Every file of the project; without git (an unpacked archive) everything that is not built."""
    asked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if asked.returncode == 0:
        files = [ROOT / name for name in asked.stdout.decode().split("\0") if name]
    else:
        built = {".venv", "node_modules", "static", "__pycache__", ".git", ".hypothesis", ".anxin"}
        files = [file for file in ROOT.rglob("*") if not built & set(file.relative_to(ROOT).parts)]
    return sorted(file for file in files if file.is_file() and not file.is_symlink())


FILES = tracked()
PAGES = [file for file in FILES if file.suffix == ".md"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GENERATORS = sorted((ROOT / "docs").glob("make_*.py"))


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def _anchor(heading: str) -> str:
    """How GitHub names a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_of_a_page_lead_somewhere(page: Path):
    """Every local link names a file of the project, and every #anchor a heading there."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", text):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{named(page)} links to {link}"
        assert target.is_relative_to(ROOT), f"{named(page)} links out of the project: {link}"
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, f"{named(page)} links to {link}"


@pytest.mark.parametrize("generator", GENERATORS, ids=named)
def test_generated_pages_are_current(generator: Path):
    """`make docs` would change nothing."""
    checked = subprocess.run(
        [sys.executable, str(generator), "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_package_is_shipped_checked_and_layered():
    """A package at the top level is in the wheel, under mypy, and in the layers."""
    packages = {
        file.parent.name for file in FILES if file.name == "__init__.py" and file.parent.parent == ROOT
    }
    tool = PROJECT["tool"]
    assert packages == set(tool["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages == set(tool["mypy"]["packages"])
    assert packages == set(tool["importlinter"]["root_packages"])
    assert packages == set(tool["ruff"]["lint"]["isort"]["known-first-party"])
    layers = next(contract for contract in tool["importlinter"]["contracts"] if contract["type"] == "layers")[
        "layers"
    ]
    assert packages == {name.strip() for layer in layers for name in layer.split("|")}


@pytest.mark.parametrize(
    "module",
    [file for file in FILES if file.suffix == ".py" and "tests" not in file.relative_to(ROOT).parts],
    ids=named,
)
def test_a_module_says_what_is_there(module: Path):
    """Every module opens with a docstring."""
    text = module.read_text(encoding="utf-8")
    assert re.match(r'(#!.*\n)?("""|r""")', text), f"{named(module)} does not say what it is for"


def test_nothing_is_left_undone():
    """No note to do it later: it is an issue, or it is done."""
    # Put together here, so that this line is not found itself.
    left = re.compile(
        r"\b("
        + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK", "X" + "XX"))
        + r")\b|raise NotImplemented"
        + "Error"
    )
    found = [
        f"{named(file)}:{number}: {line.strip()}"
        for file in FILES
        if file.suffix in {".py", ".ts", ".vue", ".sql", ".yaml", ".yml", ".md", ".css", ".toml"}
        or file.name == "Makefile"
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if left.search(line)
    ]
    assert found == []


def test_lock_files_hold_versions_and_no_addresses():
    """What is installed is exact, and where it comes from is each machine's own business."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line), line
    web = ROOT / "web" / "package-lock.json"
    assert '"resolved"' not in web.read_text(encoding="utf-8")


def test_everything_that_is_declared_is_locked():
    """A dependency in pyproject.toml that the lock lacks would be missing on a fresh machine."""

    def name(requirement: str) -> str:
        return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-").replace(".", "-")

    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {name(line) for line in lines if not line.startswith("#")}
    project = PROJECT["project"]
    declared = {name(requirement) for requirement in project["dependencies"]}
    for requirements in project["optional-dependencies"].values():
        declared |= {name(requirement) for requirement in requirements}
    assert declared - {"anxin"} <= locked


def test_no_path_of_one_machine():
    """Nothing refers to where it happened to be written."""
    path = re.compile(r"(?<![\w.~:/-])/(?:work|home/\w|root|Users)/[\w.]")
    found = [
        f"{named(file)}: {line.strip()}"
        for file in FILES
        if file.suffix not in {".png", ".ico", ".woff2", ".gz", ".jsonl", ".csv"}
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
        if path.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile", ".ci/run"]
)
def test_a_newcomer_finds_the_way(name: str):
    """The pages everybody looks for are there and say something."""
    assert len((ROOT / name).read_text(encoding="utf-8")) > 50


def test_the_changelog_has_a_place_for_what_comes():
    """What users notice is written down when it lands."""
    assert re.search(
        r"^## Unreleased$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )


def test_make_help_lists_every_target():
    """`make help` is complete."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## .", makefile, flags=re.MULTILINE), target


CHECKS = {
    "LINK": 6, "SND": 4, "STORM": 3, "ACK": 6, "OUT": 1, "WALL": 3, "A11Y": 5, "PUSH": 3, "I18N": 1, "PERF": 1,
}  # fmt: skip
"""The promises of the screens (C-LINK-1 …): how many there are of each kind."""


@pytest.mark.parametrize("kind", CHECKS)
def test_every_check_of_the_screens_has_a_test_that_names_it(kind: str):
    """A promise without a test is none: each id stands in the first line of what a test of the browser promises."""
    text = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "e2e").glob("test_checks_*.py")
    )
    promises = re.findall(r"\ndef test_\w+\([^)]*\)[^:]*:\n    \"\"\"(.*)", text)
    missing = [
        f"C-{kind}-{n}"
        for n in range(1, CHECKS[kind] + 1)
        if not any(re.search(rf"C-{kind}-{n}\b", line) for line in promises)
    ]
    assert missing == []
