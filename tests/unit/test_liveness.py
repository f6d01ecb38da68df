"""What is not heard is said once, where it helps: a home, a building, a community; and whether a home is protected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from anxin.replay import Film
from care.ids import iso, partition_of
from care.messages import HomeHealth, Report, decode, encode
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind, Tier
from devices.kinds import KINDS
from ingest.normalize import Subscription
from rules.engine import Engine
from tests.told import BOOK

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

KIT = {"gw": Kind.gateway, "belt": Kind.bed_belt, "smoke": Kind.smoke, "sos": Kind.sos}


def a_town(homes: int = 12, *, buildings: int = 1) -> Site:
    """Homes of one kit each; the fourth is of the key tier."""
    return Site(
        community=Community(id="zpq", name="总浦桥社区"),
        homes=[
            Home(
                id=f"h{i:02}",
                building=f"银杏小区 {i % buildings + 1} 幢",
                residents=[Resident(id=f"r{i:02}", name="甲", tier=Tier.key if i == 4 else Tier.general)],
                devices=[Device(id=f"{n}-{i:02}", kind=k, room="bedroom") for n, k in KIT.items()],
            )
            for i in range(1, homes + 1)
        ],
    )


def line(seconds: float, topic: str, payload: Any) -> dict[str, Any]:
    return {"at": iso(NOON + timedelta(seconds=seconds)), "topic": f"anxin/v1/{topic}", "payload": payload}


def status(seconds: float, home: int, state: str) -> dict[str, Any]:
    return line(seconds, f"h{home:02}/status", {"state": state})


def speaks(seconds: float, home: int, device: str = "belt") -> dict[str, Any]:
    kit: dict[str, dict[str, Any]] = {
        "belt": {"in_bed": True},
        "smoke": {"smoke": False},
        "sos": {"battery": 90},
    }
    words = kit[device]
    words["time"] = iso(NOON + timedelta(seconds=seconds))
    return line(seconds, f"h{home:02}/{device}-{home:02}", words)


def play(site: Site, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    film = Film(site, BOOK, out.append)
    for number, one in enumerate(sorted(lines, key=lambda given: given["at"]), 1):
        film.feed(one, number)
    return out


def said(out: list[dict[str, Any]], kind: str) -> list[tuple[Any, ...]]:
    return [(o["code"], o["level"], o["home"]) for o in out if o["type"] == kind]


def power_cut(homes: int, back: int) -> list[dict[str, Any]]:
    """Everybody is heard, then dark from 10 min on, then the first `back` homes come back at 60 min."""
    lines = [status(0, h, "online") for h in range(1, homes + 1)]
    lines += [
        speaks(s, h, d) for h in range(1, homes + 1) for s in (1, 590) for d in ("belt", "smoke", "sos")
    ]
    lines += [status(690 + 0.4 * h, h, "offline") for h in range(1, homes + 1)]
    lines += [status(3600 + h, h, "online") for h in range(1, back + 1)]
    return lines + [speaks(3605 + h, h) for h in range(1, back + 1)]


@pytest.mark.parametrize("crash", [False, True])
def test_a_power_cut_is_one_red_case_and_an_sos_in_it_is_another(crash: bool) -> None:
    """Twelve homes: one case, not twelve nor forty-eight; the SOS that comes in between rings by itself."""
    lines = [*power_cut(12, 10), line(900, "h07/sos-07", {"sos": True, "seq": 1})]
    lines.append({"at": iso(NOON + timedelta(seconds=3700)), "advance": True})
    if crash:
        lines += [
            {"at": iso(NOON + timedelta(seconds=s)), "crash": True} for s in (700, 752, 760, 899, 3603, 3613)
        ]
    out = play(a_town(), lines)
    assert said(out, "alert.raised") == [
        ("TE5", "red", "h04"),
        ("SOS1", "red", "h07"),
        ("TE4", "yellow", "h11"),
        ("TE4", "yellow", "h12"),
    ]
    opened = next(o for o in out if o["type"] == "finding.opened" and o["code"] == "TE5")
    assert opened["cause"] == "area"
    assert opened["parameters"]["homes"][0] == "h04"
    assert sorted(opened["parameters"]["homes"]) == [f"h{i:02}" for i in range(1, 13)]
    assert opened["title"] == "银杏小区 1 幢大面积断线：12 户失联"
    assert said(out, "finding.cleared")[-1] == ("TE5", "red", "h04")


def beats(
    homes: range, until: dict[int, float], *, then: float = 1e9, back: range = range(0)
) -> list[dict[str, Any]]:
    """Gateways that have no last will and speak once a minute, each at its own second, up to `until`; `back` from `then` on."""
    lines = []
    for h in homes:
        spoken = [
            *range(5 * h, int(until[h]), 60),
            *(range(int(then) + 5 * h, 5400, 60) if h in back else ()),
        ]
        for s in spoken:
            at = iso(NOON + timedelta(seconds=s))
            lines.append(line(s, f"h{h:02}/gw-{h:02}", {"fault": False, "time": at}))
            lines.append(speaks(s + 1, h))
    return lines


@pytest.mark.parametrize("crash", [False, True])
def test_a_power_cut_is_one_case_where_gateways_have_no_last_will(crash: bool) -> None:
    """Each is missed at its own second; with the first of them all are told, and the one that stays dark by itself."""
    homes = range(1, 7)
    lines = beats(homes, dict.fromkeys(homes, 700), then=2000, back=range(1, 6))
    lines.append({"at": iso(NOON + timedelta(seconds=2400)), "advance": True})
    if crash:
        lines += [
            {"at": iso(NOON + timedelta(seconds=s)), "crash": True} for s in (930, 945, 960, 2010, 2030)
        ]
    out = play(a_town(6), lines)
    assert said(out, "alert.raised") == [("TE5", "red", "h04"), ("TE4", "yellow", "h06")]
    opened = next(o for o in out if o["type"] == "finding.opened" and o["code"] == "TE5")
    last_words = [5 * h + 60 * ((699 - 5 * h) // 60) for h in homes]
    assert opened["at"] == iso(NOON + timedelta(seconds=min(last_words) + 300))  # the limit of the first
    assert sorted(opened["parameters"]["homes"]) == [f"h{h:02}" for h in homes]
    assert opened["onset_at"] == iso(NOON + timedelta(seconds=min(last_words)))


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        ([1, 2], [("TE4", 1), ("TE4", 2)]),  # two of a building are two homes
        ([1, 2, 3], [("TE5", 1)]),
    ],
)
def test_whoever_is_lost_alone_is_told_at_the_limit_of_its_own(
    silent: list[int], expected: list[tuple[str, int]]
) -> None:
    """The others of the building speak on: nobody is later for having neighbours, and nobody dark by having them."""
    homes = range(1, 7)
    lines = beats(homes, {h: 700 if h in silent else 3000 for h in homes})
    lines.append({"at": iso(NOON + timedelta(seconds=1500)), "advance": True})
    out = play(a_town(6), lines)
    opened = [o for o in out if o["type"] == "finding.opened"]
    assert [(o["code"], o["home"], o["at"]) for o in opened] == [
        (code, f"h{h:02}", iso(NOON + timedelta(seconds=5 * h + 60 * ((699 - 5 * h) // 60) + 300)))
        for code, h in expected
    ]


def test_a_home_found_lost_later_joins_the_area_and_has_no_case_of_its_own() -> None:
    """Three last wills make the area; the fourth gateway has none and is missed by its heartbeat."""
    lines = [status(0, h, "online") for h in range(1, 4)]
    lines += [speaks(s, h) for h in range(1, 4) for s in (1, 350, 690)]
    lines += [status(780 + h, h, "offline") for h in range(1, 4)]
    lines += beats(range(4, 5), {4: 700})
    lines.append({"at": iso(NOON + timedelta(seconds=2000)), "advance": True})
    out = play(a_town(6), lines)
    assert said(out, "alert.raised") == [("TE5", "red", "h01")]
    last = [o for o in out if o["type"].startswith("finding") and o["code"] == "TE5"][-1]
    assert last["parameters"]["homes"] == ["h04", "h01", "h02", "h03"]
    assert {o["code"] for o in out if o["type"] == "finding.opened"} == {"TE5"}


@pytest.mark.parametrize(("homes", "raised"), [(1, [("TE4", "yellow", "h01")]), (4, [("TE5", "red", "h04")])])
def test_what_a_gateway_said_before_its_last_will_does_not_bring_it_back(
    homes: int, raised: list[tuple[str, str, str]]
) -> None:
    """A slow line, or the same once more: a word of before, heard after the will, is no sign of life."""
    lines = [status(0, h, "online") for h in range(1, homes + 1)]
    said_at = iso(NOON + timedelta(seconds=640))
    for h in range(1, homes + 1):
        lines += [speaks(s, h) for s in (1, 350, 640)]
        lines.append(status(730, h, "offline"))
        lines += [line(s, f"h{h:02}/gw-{h:02}", {"fault": False, "time": said_at}) for s in (740, 800 + h)]
    lines.append({"at": iso(NOON + timedelta(seconds=1200)), "advance": True})
    out = play(a_town(6), lines)
    assert said(out, "alert.raised") == raised
    first = next(o for o in out if o["type"] == "finding.opened")
    assert first["at"] == iso(NOON + timedelta(seconds=1030 if homes == 1 else 790))


@pytest.mark.parametrize(("again", "told"), [(None, 960 + 300), (1050, 1050 + 300)])
def test_a_gateway_that_spoke_after_its_last_will_can_be_lost_again(again: float | None, told: float) -> None:
    """It is back without saying so: not lost while it speaks; then by its next will, or by its own heartbeat."""
    lines = [status(0, 1, "online"), speaks(1, 1), speaks(400, 1), status(730, 1, "offline")]
    for s in range(780, 1020, 60):
        lines.append(line(s, "h01/gw-01", {"fault": False, "time": iso(NOON + timedelta(seconds=s))}))
        lines.append(speaks(s + 1, 1))
    if again is not None:
        lines.append(status(again, 1, "offline"))
    lines.append({"at": iso(NOON + timedelta(seconds=told + 1)), "advance": True})
    out = play(a_town(1), lines)
    assert [(o["code"], o["at"]) for o in out if o["type"] == "finding.opened"] == [
        ("TE4", iso(NOON + timedelta(seconds=told)))
    ]


def test_forty_dark_homes_are_at_most_five_rows() -> None:
    """Domain 7 no. 8: one row for the area, in two buildings as in one; the list names every silent home."""
    out = play(
        a_town(40, buildings=2), [*power_cut(40, 0), {"at": iso(NOON + timedelta(hours=2)), "advance": True}]
    )
    assert said(out, "alert.raised") == [("TE5", "red", "h04")]
    last = [o for o in out if o["type"].startswith("finding") and o["code"] == "TE5"][-1]
    assert len(last["parameters"]["homes"]) == 40


def test_the_bridge_of_a_staircase_dies_and_it_is_one_case_not_one_per_home() -> None:
    """Zigbee2MQTT with one coordinator for four homes: its last will is theirs; its return and their sensors end it."""
    site = Site(
        community=Community(id="zpq", name="总浦桥社区"),
        homes=[
            Home(
                id=f"h{i}",
                building="银杏小区 1 幢",
                residents=[Resident(id=f"r{i}", name="甲")],
                devices=[
                    Device(id=f"sos-{i}", kind=Kind.sos, address=f"z/h{i}/sos"),
                    Device(id=f"smoke-{i}", kind=Kind.smoke, address=f"z/h{i}/smoke"),
                ],
            )
            for i in range(1, 5)
        ],
    )

    def says(seconds: float, topic: str, payload: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "at": iso(NOON + timedelta(seconds=seconds)),
            "topic": f"z/{topic}",
            "payload": payload,
            **more,
        }

    lines = [
        says(1, "bridge/state", {"state": "online"}, retain=True),
        says(600, "bridge/state", {"state": "offline"}),
    ]
    for i in range(1, 5):
        lines += [says(s, f"h{i}/sos", {"battery": 90}) for s in (5, 3605)]
        lines += [says(s, f"h{i}/smoke", {"smoke": False}) for s in (6, 3606)]
        lines.append(says(601, f"h{i}/smoke/availability", {"state": "offline"}, retain=True))
    lines.append(says(3600, "bridge/state", {"state": "online"}))
    lines.append({"at": iso(NOON + timedelta(seconds=5000)), "advance": True})
    out: list[dict[str, Any]] = []
    film = Film(site, BOOK, out.append, [Subscription("z/#", "zigbee2mqtt")])
    for number, one in enumerate(sorted(lines, key=lambda given: given["at"]), 1):
        film.feed(one, number)
    assert said(out, "finding.opened") == said(out, "alert.raised") == [("TE5", "red", "h1")]
    assert said(out, "finding.cleared") == [("TE5", "red", "h1")]
    [opened] = [o for o in out if o["type"] == "finding.opened"]
    assert (opened["onset_at"], opened["parameters"]["homes"]) == (
        iso(NOON + timedelta(seconds=600)),
        ["h1", "h2", "h3", "h4"],
    )


def an_engine(site: Site) -> Engine:
    engine = Engine(Registry(site), BOOK)
    engine.tick(NOON)
    return engine


def report(device: str, seconds: float, *, state: str | None = None, **values: Any) -> Report:
    at = NOON + timedelta(seconds=seconds)
    name, number = device.split("-")
    return Report(
        report_id=f"{device} {seconds} {state}",
        home=f"h{number}",
        device=device,
        kind=KIT[name].value,
        at=at,
        received_at=at,
        device_at=at if state is None else None,
        values=values,
        state=state,
    )


def feed(engine: Engine, *reports: Report) -> list[Any]:
    out = []
    for one in reports:
        out += engine.tick(one.received_at)
        out += engine.feed(one, one.received_at)
    return out


def test_an_outage_is_the_same_from_the_parts_of_a_snapshot() -> None:
    """Each partition is saved by itself; together they know the incident, its homes, and when it ends."""
    site = a_town(6)
    engine = an_engine(site)
    feed(engine, *(report(f"gw-{h:02}", 10, state="online") for h in range(1, 7)))
    feed(engine, *(report(f"gw-{h:02}", 60 + h, state="offline") for h in range(1, 7)))
    assert [f.code for f in engine.tick(NOON + timedelta(seconds=180))] == ["TE5"]
    parts: dict[int, list[str]] = {}
    for home in engine.homes():
        parts.setdefault(partition_of(home), []).append(home)
    assert len(parts) > 1
    again = Engine.restore(Registry(site), BOOK, *(engine.snapshot(homes) for homes in parts.values()))
    assert again.snapshot() == engine.snapshot()
    back = [report(f"gw-{h:02}", 300 + h, state="online") for h in range(1, 7)]
    expected = feed(engine, *back)
    assert [(f.code, f.phase.value) for f in expected] == [("TE5", "cleared")]
    assert feed(again, *back) == expected
    assert again.next_due() == engine.next_due()


def test_a_home_that_leaves_the_site_in_an_outage_leaves_nothing_behind() -> None:
    """Homes and gateways are taken away while dark: no error, and the rest goes on."""
    site = a_town(5)
    engine = an_engine(site)
    feed(engine, *(report(f"gw-{h:02}", 60, state="offline") for h in range(1, 6)))
    engine.tick(NOON + timedelta(seconds=180))
    smaller = Site(community=site.community, homes=site.homes[:2])
    engine.reload(Registry(smaller), BOOK, NOON + timedelta(seconds=200))
    feed(engine, *(report(f"gw-{h:02}", 300, state="online") for h in (1, 2)))
    engine.tick(NOON + timedelta(hours=9))
    restored = Engine.restore(Registry(smaller), BOOK, engine.snapshot())
    assert restored.snapshot() == engine.snapshot()


def test_the_limits_of_silence_have_one_source() -> None:
    """What devices.kinds says of silence is what TE3 and TE4 of the catalogue say."""
    te3, te4 = (BOOK.rules[name].doc.parameters for name in ("TE3", "TE4"))
    assert not te3["blue_minutes"].by_kind
    assert not te3["yellow_minutes"].by_kind
    assert timedelta(minutes=te3["blue_minutes"].default) == KINDS[Kind.door].blue_after  # type: ignore[arg-type]
    assert timedelta(minutes=te3["yellow_minutes"].default) == KINDS[Kind.door].yellow_after  # type: ignore[arg-type]
    assert timedelta(minutes=te4["gateway_minutes"].default) == KINDS[Kind.gateway].blue_after  # type: ignore[arg-type]


KEPT = msgspec.structs.replace(report("gw-01", 0, state="online"), retained=True)
"""All that a broker remembers of a gateway: it was there once."""
ALL = [
    report("gw-01", 0, state="online"),
    report("belt-01", 1, in_bed=False),
    report("smoke-01", 1, smoke=False, battery=90),
    report("sos-01", 1, battery=90),
]


@pytest.mark.parametrize(
    ("reports", "after", "protection", "reason", "paths"),
    [
        (ALL[1:], 5, "partly", "", {"call": "", "fire": "", "bed": ""}),
        (ALL, 5, "protected", "", {"call": "", "fire": "", "bed": ""}),
        ([KEPT, *ALL[1:]], 5, "protected", "", {"call": ""}),
        ([KEPT], 5, "not", "nothing", {"call": "never_reported:sos-01"}),
        (ALL[:3], 5, "not", "no_call", {"call": "never_reported:sos-01"}),
        ([*ALL, report("gw-01", 60, state="offline")], 61, "not", "gateway",
         {"call": "gateway", "fire": "gateway", "bed": "gateway"}),
        ([*ALL, report("smoke-01", 9, tamper=True)], 10, "partly", "", {"fire": "tamper:smoke-01", "call": ""}),
        ([*ALL, report("sos-01", 9, battery=4)], 10, "partly", "", {"fire": "", "call": "battery:sos-01"}),
        ([*ALL, report("sos-01", 9, fault="E1")], 10, "not", "no_call", {"fire": "", "call": "fault:sos-01"}),
        (ALL, 700, "partly", "", {"bed": "silent:belt-01", "fire": "", "call": ""}),
        (ALL, 3 * 3600 + 1, "not", "gateway", {"call": "gateway", "fire": "gateway", "bed": "gateway"}),
    ],
)  # fmt: skip
def test_protection_is_told_path_by_path(
    reports: list[Report], after: float, protection: str, reason: str, paths: dict[str, str]
) -> None:
    """Fire, call, bed: each holds or says why not; nobody who cannot call is protected; unknown is never fine."""
    engine = an_engine(a_town(1))
    feed(engine, *reports)
    now = NOON + timedelta(seconds=after)
    engine.tick(now)
    health = engine.health("h01", now)
    assert (health.protection, health.reason) == (protection, reason)
    assert paths.items() <= health.paths.items()
    assert decode(encode(health), HomeHealth) == health


@pytest.mark.parametrize(("device", "limit"), [("gw", 300), ("smoke", 3 * 3600), ("sos", 3 * 3600)])
def test_what_went_blind_is_visible_in_time(device: str, limit: float) -> None:
    """A gateway with only a heartbeat within five minutes, a battery device within three of its own."""
    engine = an_engine(a_town(1))
    feed(engine, *ALL[1:], report("gw-01", 1, fault=False))

    def protection(seconds: float) -> str:
        now = NOON + timedelta(seconds=seconds)
        engine.health_changed.clear()
        for n in range(0, int(seconds), 60):
            others = [("gw", {"fault": False}), ("belt", {"in_bed": False}), ("smoke", {"smoke": False}),
                      ("sos", {"battery": 90})]  # fmt: skip
            feed(engine, *(report(f"{d}-01", 2 + n, **v) for d, v in others if d != device))  # type: ignore[arg-type]
        engine.tick(now)
        return engine.health("h01", now).protection

    assert protection(limit + 1) != "protected"
    assert "h01" in engine.health_changed


@pytest.mark.parametrize("first", [{"in_bed": None, "heart_rate": None}, {"battery": 90}])
def test_a_belt_that_has_said_nothing_of_use_protects_nobody(first: dict[str, Any]) -> None:
    """From its first word on, until the first one that can be used; the finding comes after a night (BD7)."""
    engine = an_engine(a_town(1))
    values = {q: v for q, v in first.items() if v is not None}
    said = msgspec.structs.replace(
        report("belt-01", 5, **values), unknown=[q for q, v in first.items() if v is None]
    )
    feed(engine, ALL[0], *ALL[2:], said)
    assert engine.health("h01", NOON + timedelta(seconds=5)).paths["bed"] == "doubtful:belt-01"
    engine.health_changed.clear()
    feed(engine, report("belt-01", 60, in_bed=False))
    assert "h01" in engine.health_changed
    assert engine.health("h01", NOON + timedelta(seconds=60)).paths["bed"] == ""


@pytest.mark.parametrize(
    ("device", "proof"),
    [
        ("smoke", {"smoke": False}),
        ("smoke", {"smoke_level": 0.0}),
        ("smoke", {"self_test": True}),
        ("gas", {"gas_level": 0.0}),
        ("co", {"co": False}),
        ("leak", {"water_leak": False}),
        ("smoke", {"smoke": True, "test": True}),
    ],
)
def test_a_detector_that_never_told_its_state_is_no_protection_after_a_day(
    device: str, proof: dict[str, Any]
) -> None:
    """Its battery is heard, so it is alive; whether its alarm would be understood nobody knows: one word of it is proof."""
    kinds = {"smoke": Kind.smoke, "gas": Kind.gas, "co": Kind.co, "leak": Kind.water_leak}
    path = {"smoke": "fire", "gas": "gas", "co": "gas", "leak": "water"}[device]
    home = Home(
        id="h01",
        devices=[
            Device(id=device, kind=kinds[device], room="kitchen"),
            Device(id="sos", kind=Kind.sos, room="bedroom"),
        ],
    )
    engine = an_engine(Site(community=Community(id="c", name="c"), homes=[home]))

    def words(seconds: float, *, test: bool = False, **values: Any) -> None:
        said = [(device, {"battery": 90, "self_test": False, **values}), ("sos", {"battery": 90})]
        feed(
            engine,
            *(
                msgspec.structs.replace(
                    report("belt-01", seconds, **v),
                    report_id=f"{d}{seconds}",
                    device=d,
                    kind=home.devices[n].kind.value,
                    test=test and d == device,
                )
                for n, (d, v) in enumerate(said)
            ),
        )

    for hour in range(24):
        words(hour * 3600 + 1)
    assert engine.health("h01", NOON + timedelta(hours=23, seconds=2)).paths[path] == ""
    words(24 * 3600 + 1)
    health = engine.health("h01", NOON + timedelta(hours=24, seconds=2))
    assert health.paths[path] == f"untold:{device}"
    assert health.protection == "partly"
    words(24 * 3600 + 60, **proof)
    words(24 * 3600 + 120)
    assert engine.health("h01", NOON + timedelta(hours=24, seconds=121)).paths[path] == ""
