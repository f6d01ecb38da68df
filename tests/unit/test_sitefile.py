"""A site file is loaded whole or not at all, and every fault says where it stands and what to do."""

from __future__ import annotations

from itertools import pairwise

import pytest

from care import sitefile
from care.site import Registry
from care.sitefile import SiteFaults, Tree, read_site
from care.words import Kind, Tier

GOOD = """\
community: {id: zpq, name: 总浦桥社区, timezone: Asia/Shanghai}
grids:
  - {id: g05, name: 第5网格, micro_grids: [{id: g05-2, name: 5-2 微网格, location: [29.9531, 121.7102]}]}
homes:
  - id: h0317
    micro_grid: g05-2
    address: 银杏小区 3 幢 2 单元 402
    location: [29.9532, 121.7104]
    floor: 4
    lift: true
    phone: "0574-00000000"
    access: {key: 邻里中心 07 号柜, door_code: "0000#"}
    residents:
      - id: r0317
        name: 周阿婆
        born: 1944
        tier: key
        conditions: [dementia]
        flags: [hard_of_hearing, lives_alone]
        limits: {bed_exit_yellow_minutes: 25}
        consent: {vitals: [centre, doctor], bed: [centre], family: [status]}
    contacts:
      - {id: c0317a, name: 周女士, relation: 女儿, notify: ["json://127.0.0.1:9900/family"], for: [red]}
    devices:
      - {id: belt-0317, kind: bed_belt, resident: r0317, room: bedroom}
      - {id: smoke-0317, kind: smoke, room: kitchen, address: "zigbee2mqtt/h0317/kitchen smoke"}
staff:
  - {id: s01, name: 陈敏芝, role: operator, notify: ["json://127.0.0.1:9900/desk"]}
  - {id: s07, name: 林国平, role: grid_worker, micro_grids: [g05-2], location: [29.9535, 121.7099]}
shifts:
  - {staff: s01, days: daily, from: "07:00", to: "19:00"}
policy: {acknowledge_seconds: 60, arrive_minutes: 10}
"""


def faults(text: str) -> list[str]:
    with pytest.raises(SiteFaults) as caught:
        read_site(text)
    return [str(f) for f in caught.value.faults]


def test_a_doctor_must_be_one_of_the_staff() -> None:
    """Named by id; somebody of another role is no doctor."""
    named = GOOD.replace("name: 周阿婆", "name: 周阿婆\n        doctor: s10")
    staffed = named.replace("shifts:", "  - {id: s10, name: 王医生, role: doctor}\nshifts:")
    assert read_site(staffed).homes[0].residents[0].doctor == "s10"
    for other in (named, named.replace("doctor: s10", "doctor: s01")):
        (fault,) = faults(other)
        assert "there is no doctor" in fault
        assert "role: doctor" in fault


def test_the_contract_example_is_read() -> None:
    """The site file of the contract means what it says, unquoted times included."""
    site = read_site(GOOD.replace('"07:00"', "07:00"))
    registry = Registry(site)
    home, device = registry.devices["smoke-0317"]
    assert home.residents[0].tier is Tier.key
    assert device.kind is Kind.smoke
    assert registry.by_topic("zigbee2mqtt/h0317/kitchen smoke") == (home, device)
    assert registry.by_topic("anxin/v1/h0317/belt-0317") == (home, home.devices[0])
    assert registry.resident_of(home, device) == home.residents[0]
    assert site.shifts[0].starts.hour == 7
    assert site.shifts[0].ends.hour == 19


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: smoke", "kind: smok", "line 26: homes.devices.kind: `smok` is none of"),
        (
            "micro_grid: g05-2",
            "micro_grid: g05-9",
            "line 6: home `h0317`: micro_grid `g05-9` is not under `grids:`",
        ),
        ("staff: s01", "staff: s09", "line 31: shift of `s09`"),
        ("floor: 4", "floor: four", "line 9: homes.floor: a whole number is wanted, not `four`"),
        ("id: s07", "id: s01", "line 29: staff id `s01` is used twice (first on line 28)"),
        ("Asia/Shanghai", "Asia/Shanghe", "line 1: timezone `Asia/Shanghe` is not known"),
        ("consent: {vitals", "consent: {vitels", "line 21: consent class `vitels` is not known"),
        ("days: daily", "days: dayly", "line 31: day `dayly`"),
        ('from: "07:00"', 'from: "25:00"', "line 31: shifts.from"),
        ("resident: r0317, room", "resident: r9, room", "line 25: device `belt-0317`: resident `r9`"),
        ("kitchen smoke", "#", "must be one MQTT topic without wildcards"),
        ("policy: {", "polisy: {", "line 32: unknown section `polisy`"),
        ("floor: 4", "flor: 4", "line 9: homes.flor: there is no such field here; did you mean `floor`?"),
        ("floor: 4", "floor: 4\n    floor: 5", "line 10: `floor` is given twice"),
        ("grids:\n", "grids: [\n", "not valid YAML"),
    ],
)
def test_each_fault_has_its_line_and_reason(old: str, new: str, said: str) -> None:
    """One mistake, one sentence, on the line where it was made."""
    assert old in GOOD
    found = faults(GOOD.replace(old, new, 1))
    assert any(said in f for f in found), found


def test_all_faults_are_told_at_once() -> None:
    """Nobody wants to mend a file one fault at a time."""
    text = (
        GOOD.replace("kind: smoke", "kind: smok")
        .replace("born: 1944", "born: old")
        .replace("staff: s01", "staff: x")
    )
    assert len(faults(text)) == 3


@pytest.mark.parametrize("text", ["", "[]", "just words", "homes: []", "\x00", "a: &a [*a]", "{" * 200])
def test_nonsense_is_a_fault_not_a_traceback(text: str) -> None:
    """Whatever the file holds, the answer is a list of faults."""
    assert faults(text)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("floor: 4", "floor: four", "line 9: homes.floor: a whole number is wanted, not `four`"),
        ("floor: 4", "floor: 99999999999999999999", "line 9: a number that is too large"),
        (
            '"0574-00000000"',
            "12345678901",
            "line 11: homes.phone: text is wanted, not `12345678901`; put it in quotes",
        ),
        (
            'from: "07:00"',
            'from: "25:00"',
            'line 31: shifts.from: `25:00` is no time of day; write it like "07:00"',
        ),
        (
            "room: bedroom",
            "romm: bedroom",
            "line 25: homes.devices.romm: there is no such field here; did you mean `room`?",
        ),
        ("days: daily", 'days: ["2026-13-45"]', "line 31: day `2026-13-45` is not daily"),
        ("role: operator", "role: boss", "line 28: staff.role: `boss` is none of operator, supervisor"),
        ("born: 1944", "born: !!int x", "line 16: `x` is not what its tag says"),
        ("name: 周阿婆", 'name: "周\\0"', "line 15: a text with control characters in it"),
        ("周阿婆", "周\0", "line 18: a character that no text has; remove it"),
        ("born: 1944", "born: 44", "line 16: homes.residents.born: `44` must be at least 1900"),
    ],
)
def test_every_fault_is_a_sentence_with_its_line(old: str, new: str, fault: str) -> None:
    """What is wanted, what stands there, what to do; and one cause is told once."""
    assert old in GOOD
    found = faults(GOOD.replace(old, new, 1))
    assert found[0].startswith(fault)
    assert not [f for f in found if "does not live" in f or "no such member" in f]


def test_bombs_and_pits_are_refused() -> None:
    """Anchors that multiply and brackets without an end: a sentence, neither a traceback nor an hour."""
    names = "abcdefghi"
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n" for p, c in pairwise(names)
    )
    assert "multiply" in faults(bomb)[0]
    assert "nested deeper" in faults("a: " + "[" * 2000 + "]" * 2000)[0]


def test_of_thousands_of_faults_the_first_hundred_are_told() -> None:
    """In order of their lines, with how many there are besides; the size of a file is bounded too."""
    homes = "".join(f"  - {{id: h{i}, micro_grid: nowhere}}\n" for i in range(3000))
    with pytest.raises(SiteFaults, match=r"and 2900 more$") as told:
        read_site("community: {id: c, name: c}\nhomes:\n" + homes)
    assert [f.line for f in told.value.faults] == list(range(3, 103))
    assert (told.value.count, told.value.more) == (3000, 2900)
    with pytest.raises(SiteFaults, match=r"line 1: .* more than the 32,000,000"):
        read_site(" " * 32_000_001)


@pytest.mark.parametrize("loader", [sitefile._Fast, sitefile._Loader])
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("07:00", "07:00"), ("on", "on"), ("No", "No"), ("true", True), ("12", 12), ("-3", -3), ("007", "007"), ("1.5", 1.5), ("~", None),
        ("", None), ("null", None), ("'12'", "12"), ("2026-05-23", "2026-05-23"), ("周阿婆", "周阿婆"), ("!!str 12", "12"), ("3 幢", "3 幢"),
        ("1e3", "1e3"), (".inf", None),
    ],
)  # fmt: skip
def test_both_readers_of_yaml_see_the_same_values(
    loader: type, written: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fast one takes a short way for texts; a text it must not make of what is none."""
    monkeypatch.setattr(sitefile, "_loader", loader)
    assert Tree(f"a: {written}\n").data == {"a": value}
