"""From a stranger that publishes to a line in the site file: nothing else in the file changes, and nothing half is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from anxin import claiming, claims
from anxin.cli import app as root
from care.messages import Unclaimed, encode
from care.site import Device, Registry
from care.siteedit import add_devices
from care.sitefile import SiteFaults, read_site
from care.stream import MemoryStream
from care.words import Kind
from devices.cli import app
from devices.entries import as_line

HEAD = "community: {id: c, name: 社区}  # ours\n"
NEW = Device(id="smoke-1", kind=Kind.smoke, room="kitchen", address="zigbee2mqtt/h1/烟感: 1, a [b]")

FORMS: dict[str, str] = {
    "a list of lines": "homes:\n  - id: h1\n    devices:\n      - {id: a, kind: door}  # hall\n      # the last one\n    floor: 3\nstaff: []\n",
    "a list at the end of the file": "homes:\n  - id: h1\n    devices:\n      - {id: a, kind: door}",
    "a list in the column of its key": "homes:\n- id: h1\n  devices:\n  - id: a\n    kind: door\n    label: >-\n      long\n      words\n- id: h2\n",
    "a block of text last": "homes:\n  - id: h1\n    devices:\n      - id: a\n        kind: door\n        label: |\n          two\n          lines\n\n  - id: h2\n",
    "one line": "homes: [{id: h1, devices: [{id: a, kind: door}]}, {id: h2}]\n",
    "one line with a comma behind": "homes:\n  - {id: h1, devices: [{id: a, kind: door}, ], floor: 2}\n",
    "brackets on several lines": "homes:\n  - id: h1\n    devices: [\n      {id: a, kind: door},  # hall\n    ]\n",
    "an empty list": "homes:\n  - id: h1\n    devices: []  # none yet\n    floor: 2\n",
    "no key": "homes:\n  - id: h1  # first\n    residents:\n      - id: r1\n        name: 周阿婆\n\n  # second\n  - id: h2\n",
    "no key on one line": "homes: [{id: h1, floor: 2}]\n",
    "windows": "homes:\r\n  - id: h1\r\n    devices:\r\n      - {id: a, kind: door}\r\n    floor: 2\r\n",
    "another home with the same words": "homes:\n  - id: h0\n    devices:\n      - {id: b, kind: door}\n  - id: h1\n    devices:\n      - {id: a, kind: door}\n",
}  # fmt: skip


def written(device: Device) -> str:
    return as_line(device).removeprefix("- ")


@pytest.mark.parametrize("form", FORMS)
def test_a_device_is_put_where_a_person_would_write_it(form: str) -> None:
    """Every form of a site file: the device is there, and taking its text out again leaves the old file, byte for byte."""
    before = HEAD + FORMS[form]
    added = add_devices(before, [("h1", NEW)], write=written)
    home = Registry(added.site).homes["h1"]
    assert home.devices[-1] == NEW
    assert [d.id for d in home.devices[:-1]] == [
        d.id for d in Registry(read_site(before)).homes["h1"].devices
    ]
    line = added.text.splitlines()[added.lines[0] - 1]
    assert "smoke-1" in line
    rest = iter(added.text)
    assert all(c in rest for c in before), "every character of the old file is still there, in its order"
    for comment in ("# ours", "# hall", "# the last one", "# none yet", "# first", "# second"):
        assert (comment in added.text) is (comment in before)
    assert ("\r\n" in before) is ("\r\n" in added.text)
    ends = [added.text.count(end) - before.count(end) for end in ("\r", "\n")]
    assert ends[0] == (ends[1] if form == "windows" else 0)


@pytest.mark.parametrize("form", FORMS)
def test_many_devices_are_put_in_at_once(form: str) -> None:
    """Several homes, several devices each, in their order, each with its line."""
    before = HEAD + FORMS[form]
    homes = list(Registry(read_site(before)).homes)
    added = [(h, Device(id=f"d-{h}-{n}", kind=Kind.door)) for n in range(3) for h in homes]
    out = add_devices(before, added, write=written)
    lines = out.text.splitlines()
    assert all(device.id in lines[line - 1] for (_, device), line in zip(added, out.lines, strict=True))
    for home in homes:
        assert [d.id for d in Registry(out.site).homes[home].devices][-3:] == [
            f"d-{home}-{n}" for n in range(3)
        ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD, "home `h1` is not in the site file"),
        (HEAD + "homes:\n  - id: h1\n    devices:\n      - {id: smoke-1, kind: door}\n", "used twice"),
        (
            HEAD + "homes:\n  - &x {id: h1, devices: &d [{id: a, kind: door}]}\n  - {id: h2, devices: []}\n",
            None,
        ),
        (HEAD + "homes:\n  - {id: h1, devices: }\n", "devices: there is nothing here"),
        ("homes: [", "not valid YAML"),
    ],
)
def test_what_would_make_a_faulty_file_is_not_written(text: str, words: str | None) -> None:
    """A home that is not there, an id that is taken, a form that cannot be added to: one sentence, no text."""
    if words is None:
        assert add_devices(text, [("h1", NEW)], write=written).site.homes[0].devices[-1] == NEW
        return
    with pytest.raises(SiteFaults, match=words):
        add_devices(text, [("h1", NEW)], write=written)


# -- commands -----------------------------------------------------------------------------------------------------

SITE = (
    HEAD
    + "homes:\n  - id: h0317\n    residents: [{id: r0317, name: 周阿婆}]\n    devices:\n      - {id: door-1, kind: door, address: a/b}\n  - id: h0318\n"
)
TABLE = (
    "住户,设备编号,设备类型,房间,地址\nh0317,烟1,烟感,厨房,z/烟 1\n".replace("烟1", "yan1")
    + "h0318,sos1,紧急按钮,卧室,\n"
)
runner = CliRunner()


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    if all(c.name != "import" for c in app.registered_commands):
        claims.register(app)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "site.yaml"
    file.write_text(SITE, "utf-8")
    return file


def run(*words: str) -> Any:
    return runner.invoke(app, list(words))


def test_a_claim_is_one_command(site: Path) -> None:
    """The line stands in the file and is told; an id is made, and made anew when it is taken."""
    words = ["--home", "h0317", "--kind", "smoke", "--room", "kitchen", "--site", str(site), "--no-load"]
    done = run("claim", "zigbee2mqtt/h0317/kitchen smoke: 1", *words)
    assert done.exit_code == 0, done.output
    assert f"{site}:7: " in done.stderr
    run("claim", "zigbee2mqtt/h0317/another", *words)
    devices = Registry(read_site(site.read_text("utf-8"))).devices
    assert devices["smoke-0317"][1].address == "zigbee2mqtt/h0317/kitchen smoke: 1"
    assert devices["smoke-0317-2"][1].room == "kitchen"


def test_a_native_device_is_claimed_by_its_id(site: Path) -> None:
    """`belt-9`, or its whole topic in that home: it keeps its id and needs no address."""
    for device in ("belt-9", "anxin/v1/h0318/belt-8"):
        done = run("claim", device, "--home", "h0318", "--kind", "bed_belt", "--site", str(site), "--no-load")
        assert done.exit_code == 0, done.output
    devices = Registry(read_site(site.read_text("utf-8"))).devices
    assert {d: devices[d][1].address for d in ("belt-9", "belt-8")} == {"belt-9": None, "belt-8": None}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["claim", "a/c", "--home", "h0317", "--kind", "toaster"], 2, "kind `toaster` is none of"),
        (["claim", "a/c", "--home", "h9", "--kind", "smoke"], 1, "home `h9` is not in the site file"),
        (["claim", "a/b", "--home", "h0317", "--kind", "smoke"], 1, "already belongs to `door-1`"),
        (["claim", "a/+", "--home", "h0317", "--kind", "smoke"], 1, "without wildcards"),
        (
            ["claim", "a/c", "--home", "h0317", "--kind", "smoke", "--id", "door-1"],
            1,
            "already in the site file",
        ),
        (
            ["claim", "a/c", "--home", "h0317", "--kind", "smoke", "--resident", "r9"],
            1,
            "does not live in home",
        ),
    ],
)
def test_a_claim_that_cannot_be_is_one_sentence(words: list[str], status: int, said: str, site: Path) -> None:
    """And the file is as it was."""
    done = run(*words, "--site", str(site), "--no-load")
    assert (done.exit_code, site.read_text("utf-8")) == (status, SITE)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_table_adds_its_devices_or_says_which_rows_are_wrong(site: Path) -> None:
    """Dry: the lines are printed; then they are written, comments and order kept; a faulty row takes nothing."""
    table = site.parent / "设备.csv"
    table.write_bytes(TABLE.encode("gb18030"))
    dry = run("import", str(table), "--site", str(site), "--dry-run")
    assert (dry.exit_code, site.read_text("utf-8")) == (0, SITE), dry.output
    assert [h["id"] for h in yaml.safe_load(dry.stdout)["homes"]] == ["h0317", "h0318"]
    assert "2 devices in 2 homes, read as gb18030" in dry.stderr
    done = run("import", str(table), "--site", str(site), "--no-load")
    assert done.exit_code == 0, done.output
    assert {"yan1", "sos1", "door-1"} == set(Registry(read_site(site.read_text("utf-8"))).devices)
    before = site.read_text("utf-8")
    table.write_bytes(TABLE.replace("yan1", "yan2").replace("烟感", "烤箱").encode())
    wrong = run("import", str(table), "--site", str(site), "--no-load")
    assert (wrong.exit_code, site.read_text("utf-8")) == (1, before)
    assert "row 2: kind `烤箱`" in wrong.stderr
    assert "row 3: device `sos1` is already in the site file" in wrong.stderr
    assert "nothing was taken" in wrong.stderr


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(site: Path) -> None:
    """Two people at once: the second is told to try again."""
    from care.errors import Misconfigured

    with pytest.raises(Misconfigured, match="changed by somebody else"):
        claiming.replace_text(site, SITE + " ", SITE + "x")
    assert site.read_text("utf-8") == SITE
    assert [f.name for f in site.parent.iterdir()] == ["site.yaml"]


def test_without_a_site_file_nothing_can_be_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where to name one."""
    monkeypatch.chdir(tmp_path)
    done = run("claim", "a/c", "--home", "h1", "--kind", "smoke")
    assert done.exit_code == 2
    assert "--site" in done.stderr


async def test_strangers_are_listed_with_the_command_that_claims_them() -> None:
    """The last word of each, newest first; whoever has been entered since is no stranger."""
    from datetime import UTC, datetime

    stream = MemoryStream()
    for n, topic in enumerate(["z/a b", "z/known", "z/a b", "anxin/v1/h1/x"]):
        one = Unclaimed(topic=topic, dialect="native", received_at=datetime(2026, 5, 23, 4, n, tzinfo=UTC),
                        suggested_kind="smoke" if n else None, suggested_home="h1", payload=f"p{n}")  # fmt: skip
        stream.append("unclaimed", encode(one))
    stream.append("unclaimed", b"rubbish")
    stream.append("quarantine.h1", encode(msgspec.structs.replace(NEW)))
    text = HEAD + "homes: [{id: h1, devices: [{id: k, kind: door, address: z/known}]}]\n"
    found = await claims.strangers(stream, Registry(read_site(text)))
    assert [(one.topic, one.payload, count) for one, count in found] == [
        ("anxin/v1/h1/x", "p3", 1),
        ("z/a b", "p2", 2),
    ]
    assert claims.suggestion(found[1][0]) == "anxin devices claim 'z/a b' --home h1 --kind smoke --room ROOM"
    assert await claims.strangers(MemoryStream(), None) == []


def test_the_roof_has_the_commands() -> None:
    """`anxin devices` is mounted once."""
    assert root.info.name == "anxin"
