"""What people read and say: numbers first, no health detail for families, scripts that fit the person."""

import contextlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from alerts import codes, scripts
from alerts.events import Delivery, Purpose, Why
from alerts.links import BadLink, Claim, claim_for, make, mark, read
from alerts.texts import LANGUAGES, building_of, may_show_locked, message, state_words, texts, together
from care.site import Home, Registry, Resident
from care.words import Level
from rules.catalog import load
from tests.unit.test_alert_house import CODES, NOON, Story, a_finding, registry


def a_story() -> Story:
    story = Story()
    story.finding(tags=["cooking_likely"])
    story.do("acknowledge")
    return story


def a_delivery(story: Story, person: str, reason: Why, *, step: int = 0) -> Delivery:
    return Delivery(
        id="d",
        alert=story.alert.id,
        number=317,
        home="h0317",
        generation=1,
        step=step,
        person=person,
        channel="json",
        address="a",
        reason=reason,
        purpose=Purpose.acknowledge,
        level=story.alert.level,
        due_at=NOON,
    )


@pytest.mark.parametrize(("language", "mark"), [("zh", "【模拟】"), ("en", "[simulated]")])
@pytest.mark.parametrize("reason", list(Why))
@pytest.mark.parametrize("person", ["s01", "s07", "c0317a"])
def test_of_a_practice_home_every_message_says_so_behind_its_number(
    person: str, reason: Why, language: str, mark: str
) -> None:
    """Beside real homes: no phone is to take it for real. A real home's messages have no such word."""
    story = a_story()
    site = story.registry.site
    homes = [msgspec.structs.replace(h, simulated=h.id == "h0317") for h in site.homes]
    practice = Registry(msgspec.structs.replace(site, homes=homes))
    delivery = a_delivery(story, person, reason)
    told = message(story.alert, delivery, registry=practice, now=NOON, language=language)
    assert told.title.startswith(f"#317{mark if language == 'zh' else ' ' + mark}")
    assert mark in together([(story.alert, delivery)], registry=practice, language=language).body
    real = message(story.alert, delivery, registry=story.registry, now=NOON, language=language)
    assert mark not in real.title + real.body


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", list(Why))
@pytest.mark.parametrize("person", ["s01", "s07", "c0317a"])
def test_every_message_begins_with_the_number(person: str, reason: Why, language: str) -> None:
    """#317 first, nothing unfilled, for everybody, every reason and both languages."""
    story = a_story()
    text = message(
        story.alert, a_delivery(story, person, reason), registry=story.registry, now=NOON, language=language
    )
    assert text.title.startswith("#317 ")
    assert text.body
    assert "{" not in text.title + text.body


def test_a_reminder_asks_whoever_goes_there_to_go_and_not_to_take_the_case() -> None:
    """It said 「请尽快接警…仍无人处理」 to neighbours, also of a case that the desk had in hand."""
    story = a_story()
    text = message(
        story.alert, a_delivery(story, "s07", Why.reminder), registry=story.registry, now=NOON, language="zh"
    )
    assert "还需要人去" in text.title
    assert "接警" not in text.title + text.body
    assert "无人处理" not in text.body


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", list(Why))
def test_a_family_reads_nothing_on_a_lock_screen(reason: Why, language: str) -> None:
    """No name, no place, no kind of alarm, no link to take it."""
    story = a_story()
    delivery = a_delivery(story, "c0317a", reason)
    text = message(story.alert, delivery, registry=story.registry, now=NOON, language=language)
    said = text.title + text.body
    for word in ("周", "阿婆", "烟", "Smoke", "厨房", "银杏", "402", "SM1", "http"):
        assert word not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_an_area_no_family_reads_that_somebody_is_in_their_home(language: str) -> None:
    """Whoever arrived is at one of its homes."""
    story = Story()
    story.finding(code="TE5", cause="area", pictogram="device", device=None, parameters={"homes": ["h0317"]})
    delivery = a_delivery(story, "c0317a", Why.arrived)
    text = message(story.alert, delivery, registry=story.registry, now=NOON, language=language)
    assert text.title.startswith("#317 ")
    assert ("到小区" if language == "zh" else "in the area") in text.title
    assert "到家" not in text.title + text.body


def test_the_desk_reads_title_and_building_and_not_the_door() -> None:
    """厨房烟感报警, 银杏小区 3 幢; the flat is on the screen behind the sign-in."""
    story = a_story()
    text = message(
        story.alert,
        a_delivery(story, "s01", Why.opened),
        registry=story.registry,
        now=NOON,
        link="http://x/go/t",
    )
    assert text.title == "#317 应急响应：厨房烟感报警"
    assert text.body.startswith("银杏小区 3 幢。")
    assert text.body.endswith("http://x/go/t")
    assert "402" not in text.body
    assert "周" not in text.body


@pytest.mark.parametrize(
    ("address", "building"),
    [
        ("银杏小区 3 幢 2 单元 402", "银杏小区 3 幢"),
        ("胜利路 21 号 301", "胜利路 21 号"),
        ("南大街 8 弄 102", "南大街 8 弄"),
        ("银杏小区3幢2单元402", "银杏小区3幢"),
        ("胜利路二百二十一弄银杏小区 13 幢 2 单元 1204 室", "胜利路二百二十一弄银杏小区 13 幢"),
        ("", ""),
        ("某处", "某处"),
    ],
)
def test_buildings(address: str, building: str) -> None:
    """Up to and with the word for a building."""
    assert building_of(Home(id="h", address=address)) == building


def test_state_words() -> None:
    """未接警, 已接警; nobody is on the way before somebody has accepted; what is loud again; nobody came in time."""
    story = Story()
    story.finding()
    assert state_words(story.alert) == "未接警"
    story.do("acknowledge")
    assert state_words(story.alert) == "已接警"
    other = Story()
    other.finding()
    other.do("acknowledge")
    other.do("dispatch", responders=["s07"])
    assert state_words(other.alert) == "已派人，待接单"
    assert state_words(other.alert, "en") == "Sent, nobody accepted yet"
    other.do("accept", by="s07")
    assert state_words(other.alert) == "上门中"
    story.wait(61)
    assert state_words(story.alert) == "接警后未处置"
    other.wait(600)
    assert state_words(other.alert) == "超时未到场"
    assert state_words(other.alert, "en") == "Nobody there in time"
    other.do("arrive", by="s07")
    assert state_words(other.alert) == "已到场"


def test_texts_are_whole() -> None:
    """Every text has both languages with title and body."""
    for audience in ("desk", "responder", "family"):
        for reason, entry in texts()[audience].items():
            assert set(entry) == set(LANGUAGES), reason
            assert all(set(words) == {"title", "body"} for words in entry.values())


def test_codes_are_those_of_the_domain() -> None:
    """C01–C24, V1–V6, A1–A10, O1–O5 and five truths, in both languages."""
    lists = codes.as_lists()
    assert [len(lists[k]) for k in ("cause", "verification", "action", "outcome", "truth")] == [
        24,
        6,
        10,
        5,
        5,
    ]
    assert lists["cause"][1] == {"code": "C02", "zh": "烹饪油烟", "en": "Cooking fumes"}
    assert all(entry["zh"] and entry["en"] for entries in lists.values() for entry in entries)
    assert codes.word("outcome", "O1") == "平安"


def test_the_scripts_file_is_sound() -> None:
    """Three steps each, questions that lead somewhere, codes that exist."""
    scripts.check()


def test_the_smoke_script_of_the_reference_case() -> None:
    """Read aloud as it stands; cooking is offered as the cause; the hearing of 周阿婆 changes the first step."""
    story = a_story()
    script = scripts.script_for(
        story.alert,
        operator="陈敏芝",
        device="烟感",
        room="厨房",
        centre="总浦桥居家养老服务中心",
        home=story.registry.homes["h0317"],
    )
    assert (
        script.say
        == "您好，这里是总浦桥居家养老服务中心，我是陈敏芝。您家厨房的烟感刚刚报警了，您现在人好不好？在哪个房间？"
    )
    assert script.steps[0].do == "拨打家中座机，响铃 60 秒"
    assert script.steps[0].do_en == "Ring the home, let it ring 60 s"
    assert script.steps[0].detail == "0574-86293712"
    assert script.steps[1].detail == "女儿 周女士 13800000921"
    assert script.steps[2].detail == "钥匙：邻里中心 07 号柜"
    assert script.steps[0].detail_en == script.steps[0].detail
    assert script.steps[1].detail_en == "daughter 周女士 13800000921", "names and numbers stay"
    assert script.steps[2].detail_en == "Key: neighbourhood centre, locker 07"
    assert script.suggest is None, "nobody has said anything yet"
    offers = {q.id: q.offer for q in script.questions}
    assert (offers["cooking"].yes.cause, offers["cooking"].yes.truth) == ("C02", "avoidable")
    assert any("慢" in h for h in script.hints)


@pytest.mark.parametrize(
    ("code", "script"),
    [
        ("SM1", "smoke"),
        ("SM4", "device"),
        ("GS1", "gas"),
        ("CO1", "co"),
        ("SOS1", "sos"),
        ("FL1", "fall"),
        ("VT7", "vitals"),
        ("BD1", "absence"),
        ("WT1", "water"),
        ("WT2", "absence"),
        ("TE3", "device"),
        ("TE4", "gateway"),
        ("TE5", "area"),
        ("XX9", "other"),
    ],
)
def test_every_code_has_a_script(code: str, script: str) -> None:
    """The closest fit is taken; whatever comes, there is something to say."""
    story = Story()
    story.finding(code=code, cause="c")
    found = scripts.script_for(story.alert, operator="陈")
    assert found.id == script
    assert "{" not in found.say


def test_without_a_phone_nobody_waits_for_one() -> None:
    """The first step is to send somebody."""
    story = a_story()
    found = scripts.script_for(story.alert, home=story.registry.homes["h0317"], flags=["no_phone"])
    assert found.steps[0].send, "the first key of the desk sends"
    assert "上门" in found.steps[0].do
    assert scripts.flag_word("no_phone") == "家中无电话"


@pytest.mark.parametrize(
    ("code", "cause", "asked"),
    [("SM3", "fire", "119"), ("GS3", "gas", "119"), ("SOS3", "sos", "120")],
)
def test_what_is_borne_out_begins_with_sending_and_the_emergency_service(
    code: str, cause: str, asked: str
) -> None:
    """The rules say it (SM2, SM3, GS2, GS3, SOS3): somebody goes and the service is called while the home is rung."""
    story = Story()
    story.finding(code=code, cause=cause, pictogram=cause, tags=["confirmed"])
    home = story.registry.homes["h0317"]
    first = scripts.script_for(story.alert, home=home).steps[0]
    assert first.send, "the first key of the desk sends"
    assert asked in first.do
    assert asked in first.do_en
    assert first.detail == home.phone
    again = msgspec.structs.replace(story.alert, again_at=NOON)
    assert scripts.script_for(again, home=home).steps[0] == first, "that it came again asks for less"
    deaf = scripts.script_for(story.alert, home=home, flags=["deaf"])
    assert deaf.steps[0] == first
    assert any("听不见" in h for h in deaf.hints)
    wall = scripts.public_steps(code, first.when)[0]
    assert (wall.do, wall.send, wall.detail) == (first.do, True, "")
    story.finding("b", code=code, cause=cause, pictogram=cause)
    told = message(story.alert, a_delivery(story, "s01", Why.opened), registry=story.registry, now=NOON)
    assert "先派人上门" in told.body


def test_every_sign_a_script_waits_for_is_one_that_rules_give() -> None:
    """A tag that no rule has would be words that nobody ever reads."""
    rules = load().rules.values()
    given = {tag for r in rules for tag in r.doc.tags} | {r.code for r in rules}
    waited = {sign for s in scripts._file().scripts for sign in s.suggest_when} | {scripts.CONFIRMED}
    assert waited <= given
    confirmed = {r.code for r in rules if scripts.CONFIRMED in r.doc.tags}
    assert all(scripts._script_of(code).confirmed for code in confirmed), confirmed


def test_gas_is_rung_and_nobody_is_to_telephone_from_inside() -> None:
    """Whoever cannot smell it knows of nothing (domain.md 4.6): told in Mandarin and in the dialect to come out first."""
    story = Story()
    story.finding(code="GS1", cause="gas", pictogram="gas")
    home = story.registry.homes["h0317"]
    for flags, words in (
        (["lives_alone"], ("不要开关任何电器", "不要在屋里打电话", "楼道")),
        (["dialect"], ("电器开关勿要碰", "电话勿要来屋里打", "楼道")),
    ):
        told = scripts.script_for(story.alert, home=home, flags=flags)
        assert told.ring
        assert not told.steps[0].send
        assert "楼道" in told.steps[0].do
        assert all(word in told.say for word in words), told.say
    # What the colleague says who knows the dialect is never about something else.
    for code in ("TE4", "WT1", "VT1", "BD1", "FL1"):
        plain, dialect = (
            scripts.script_for(msgspec.structs.replace(story.alert, code=code), home=home, flags=[flag])
            for flag in ("lives_alone", "dialect")
        )
        assert plain.say == dialect.say, code
        assert any("宁波话" in h for h in dialect.hints)


def test_a_flag_changes_how_one_rings_and_takes_nothing_else_from_the_steps() -> None:
    """Two rounds of ringing stay two; gas company and key stay named; a battery is no reason to send somebody."""
    alert = a_story().alert
    home = a_story().registry.homes["h0317"]

    def steps(code: str, flag: str) -> list[tuple[str, str]]:
        told = scripts.script_for(msgspec.structs.replace(alert, code=code), home=home, flags=[flag])
        return [(s.when, s.do) for s in told.steps]

    assert steps("VT1", "lives_alone")[0] == ("现在", "拨打家中座机，响铃 40 秒，打两遍")
    assert steps("VT1", "hard_of_hearing")[0] == ("现在", "拨打家中座机，响铃 60 秒，打两遍")
    assert steps("SOS1", "hard_of_hearing")[0] == steps("SOS1", "lives_alone")[0]
    plain, demented = steps("GS1", "lives_alone"), steps("GS1", "dementia")
    assert demented[1] == ("接通也照做", plain[1][1])
    assert "燃气公司" in demented[1][1]
    assert "不按门铃" in demented[1][1]
    for flag in ("deaf", "no_phone", "dementia"):
        assert steps("TE1", flag) == steps("TE1", "lives_alone")


def test_whoever_is_confused_is_told_to_touch_nothing() -> None:
    """The hint says it and so does every answer: no fire, valve or plug is theirs to turn off."""
    alert = a_story().alert
    home = a_story().registry.homes["h0317"]
    touched = 0
    for code in ("SM1", "GS1", "CO1", "WT1"):
        case = msgspec.structs.replace(alert, code=code)
        plain, confused = (
            scripts.script_for(case, home=home, flags=[f]) for f in ("lives_alone", "dementia")
        )
        for usual, told in zip(plain.questions, confused.questions, strict=True):
            assert (usual.ask, usual.offer, usual.recheck_seconds) == (
                told.ask,
                told.offer,
                told.recheck_seconds,
            )
            for said in (told.yes, told.no):
                assert not re.search("请先?关|开大一档|能关就关|关火|断电源", said), (code, told.id, said)
            touched += (usual.yes, usual.no) != (told.yes, told.no)
    assert touched >= 5


def test_where_two_live_and_the_alarm_does_not_say_who_it_is_asked() -> None:
    """A button of the home may be either's; a belt is somebody's, and then nobody is asked."""
    story = Story()
    story.finding(code="SOS1", cause="sos", quantity="sos", device="sos-0317", resident=None)
    home = story.registry.homes["h0317"]
    two = msgspec.structs.replace(home, residents=[home.residents[0], Resident(id="r0317b", name="周阿公")])
    asked = "先问清是哪一位"
    assert any(asked in h for h in scripts.script_for(story.alert, home=two).hints)
    assert not any(asked in h for h in scripts.script_for(story.alert, home=home).hints)
    story.finding("b", code="VT1", cause="vitals", quantity="heart_rate", device="belt-0317")
    assert not any(asked in h for h in scripts.script_for(story.alert, home=two).hints)


# -- links --

SECRET = b"secret"
CLAIM = Claim("a1", "h1", "s01", Purpose.acknowledge, "d1", int(NOON.timestamp()) + 60)


def test_a_link_says_what_it_was_made_for() -> None:
    """Read back within its time it is the same claim."""
    assert read(make(CLAIM, SECRET), SECRET, NOON) == CLAIM


def test_a_link_lapses_and_cannot_be_changed() -> None:
    """After its time, under another secret or with any character changed it is no link."""
    token = make(CLAIM, SECRET)
    with pytest.raises(BadLink, match="link_expired"):
        read(token, SECRET, NOON + timedelta(seconds=60))
    with pytest.raises(BadLink, match="link_unreadable"):
        read(token, b"other", NOON)
    for n in range(len(token)):
        forged = token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :]
        said = None
        with contextlib.suppress(BadLink):
            said = read(forged, SECRET, NOON)
        # The last character of a part has spare bits that say nothing; nothing else may be changed.
        assert said in (None, CLAIM)


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "é.é", "e30.AAAA", "." * 50, "A" * 5000])
def test_no_token_whatever_raises_anything_else(token: str) -> None:
    """Whatever is put into the address bar."""
    with pytest.raises(BadLink):
        read(token, SECRET, NOON)


def test_a_message_that_only_tells_has_no_claim() -> None:
    """A family cannot take a case by tapping."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    pages = {d.person: d for t in story.log for d in t.deliveries}
    assert claim_for(pages["c0317a"], NOON) is None
    claim = claim_for(pages["s07"], NOON)
    assert claim is not None
    assert claim.purpose is Purpose.accept
    assert len(mark(make(claim, SECRET))) == 32
    assert registry().staff["s07"].role == "grid_worker"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [w for w in Why if w is not Why.testing])
def test_who_goes_there_reads_nothing_of_a_body_on_a_lock_screen(reason: Why, language: str) -> None:
    """A neighbour's phone: that somebody needs help and where, never a heart, a breath or a bed; a fire by its name."""
    story = Story()
    story.hear(
        a_finding(
            "v", code="VT1", cause="vitals", level=Level.red, quantity="heart_rate", device="belt-0317",
            pictogram="vitals", title={"zh": "卧室在床心率过快", "en": "heart rate very high in bed (bedroom)"},
        )
    )  # fmt: skip
    delivery = a_delivery(story, "s07", reason)
    for text in (
        message(
            story.alert, delivery, registry=story.registry, now=NOON, link="http://x/go/t", language=language
        ),
        together([(story.alert, delivery)] * 2, registry=story.registry, language=language),
    ):
        said = text.title + text.body
        assert "银杏小区 3 幢" in said
        for word in ("心率", "床", "heart", "bed", "402", "周"):
            assert word not in said
    desk = message(story.alert, a_delivery(story, "s01", Why.opened), registry=story.registry, now=NOON)
    assert "卧室在床心率过快" in desk.title


@pytest.mark.parametrize(
    ("code", "pictogram", "asked"),
    [
        ("SM1", "smoke", "并拨打家中电话"),
        ("GS1", "gas", "并拨打家中电话"),
        ("TE3", "device", "按处置步骤办"),
        ("TE4", "device", "并拨打家中电话"),
        ("TE5", "device", "按处置步骤办"),
        # A detector that is silent has not alarmed, and a belt that slipped says nothing of anybody.
        ("GS4", "gas", "按处置步骤办"),
        ("BD7", "device", "按处置步骤办"),
    ],
)
def test_the_first_message_asks_for_what_the_desks_first_key_does(
    code: str, pictogram: str, asked: str
) -> None:
    """A device answers no telephone; of many homes none is the first."""
    story = a_story()
    alert = msgspec.structs.replace(story.alert, code=code, pictogram=pictogram)
    told = message(alert, a_delivery(story, "s01", Why.opened), registry=story.registry, now=NOON)
    assert asked in told.body


def test_of_many_homes_a_message_says_in_how_many_places() -> None:
    """Not as if all were in the building of the first."""
    story = Story()
    site = story.registry.site
    first = building_of(site.homes[0])
    more = [Home(id=f"n{n}", address=f"胜利新村 {n // 2} 幢 10{n}") for n in (2, 3, 4)]
    town = Registry(msgspec.structs.replace(site, homes=[*site.homes, *more]))
    story.finding(code="TE5", cause="area", pictogram="device", device=None, parameters={"homes": [site.homes[0].id, *(h.id for h in more)]})  # fmt: skip
    delivery = a_delivery(story, "s01", Why.opened)
    for language, words in (("zh", f"{first}等 3 处"), ("en", f"{first} and 2 more places")):
        assert words in message(story.alert, delivery, registry=town, now=NOON, language=language).body
        assert words in together([(story.alert, delivery)], registry=town, language=language).body


def test_whoever_is_asked_to_go_for_many_homes_reads_that_it_is_an_area() -> None:
    """Its picture is a device's; 「设备告警」 would say that one detector complains."""
    story = Story()
    story.finding(code="TE5", cause="area", pictogram="device", device=None, parameters={"homes": ["h0317"]})
    delivery = a_delivery(story, "s07", Why.opened)
    for language, words in (("zh", "大面积断线"), ("en", "many homes cut off")):
        title = message(story.alert, delivery, registry=story.registry, now=NOON, language=language).title
        assert words in title
    one = Story()
    one.finding(code="TE3", pictogram="device")
    title = message(one.alert, a_delivery(one, "s07", Why.opened), registry=one.registry, now=NOON).title
    assert "设备告警" in title


def test_a_rule_about_a_device_of_a_home_reads_no_script_of_an_alarm() -> None:
    """A silent gas detector has not alarmed: 「您家的燃气报警器响了」 would be untrue."""
    about = {r.code for r in load().rules.values() if r.doc.cause == "device" and r.doc.shape != "filter"}
    # BD8, two hearts on one belt, is asked of whoever lies there; TE16 is somebody who pressed a button.
    # A battery that is low is changed: nobody looks for a power cut.
    rung = {"BD8": "久未活动、离床、夜间外出", "TE16": "紧急呼叫"}
    others = {**rung, "TE1": "电量低"}
    assert {"GS4", "BD7", "SM4", *others} <= about
    for code in sorted(about):
        told = scripts.script_for(msgspec.structs.replace(a_story().alert, code=code))
        wanted = others.get(code, "设备离线")
        assert (code, told.title, told.ring) == (code, wanted, code in rung)


def test_who_goes_there_is_told_of_a_danger_by_its_name_and_a_tester_of_the_device() -> None:
    """Smoke is smoke on every phone; whoever tests must know what rang."""
    fire = a_story()
    told = message(fire.alert, a_delivery(fire, "s07", Why.opened), registry=fire.registry, now=NOON)
    assert told.title == "#317 应急响应：烟感报警"
    test = message(fire.alert, a_delivery(fire, "s07", Why.testing), registry=fire.registry, now=NOON)
    assert "厨房烟感报警" in test.title


BODY = (
    "心", "呼吸", "脉", "体征", "床", "睡", "卫生间", "活动", "外出", "出门", "未归", "起身", "起床", "移动", "跌倒", "中毒",
    "未用水", "敞开", "heart", "pulse", "breath", "bed", "sleep", "bathroom", "activ", "mov", "stir", "fall", "fell",
    "poison", "sign of life", "not back", "left", "went out",
)  # fmt: skip
"""Words that tell of a body or of how somebody lives."""
MACHINES = {"device", "other"}
"""Pictures of cases about things: a bed belt that is offline may be named."""


@dataclass
class Titled:
    """A title of the catalogue as a case would have it."""

    code: str
    level: Level
    pictogram: str
    title: dict[str, str]


def catalogue() -> list[Titled]:
    """Every title of every rule at every level."""
    out = []
    for rule in load().rules.values():
        texts_ = [(g.level, g.title or rule.doc.title) for g in rule.doc.grades]
        for level, title in texts_:
            out.append(Titled(rule.code, level, rule.doc.pictogram, {"zh": title.zh, "en": title.en}))
    return out


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ["webpush", "dingtalk", "feishu", "lark", "wecombot", "schan", "pushdeer", "sms", "voice", "mailto", "bark"])  # fmt: skip
def test_no_phone_of_the_desk_tells_of_a_body_on_its_lock_screen(channel: str, language: str) -> None:
    """Over the whole catalogue, singly and together: a danger or a device by name, of a person's state nothing."""
    story = a_story()
    found = catalogue()
    assert len(found) > 80
    for one in found:
        alert = msgspec.structs.replace(
            story.alert, code=one.code, level=one.level, pictogram=one.pictogram, title=one.title,
            findings=(msgspec.structs.replace(story.alert.findings[0], code=one.code),),
        )  # fmt: skip
        delivery = msgspec.structs.replace(
            a_delivery(story, "s01", Why.opened), channel=channel, level=one.level
        )
        for text in (
            message(alert, delivery, registry=story.registry, now=NOON, language=language),
            together([(alert, delivery)] * 2, registry=story.registry, language=language),
        ):
            said = text.title + text.body
            assert "银杏小区 3 幢" in said
            if one.pictogram in MACHINES and one.code not in texts()["lock_screen"]["but"]:
                assert one.title[language] in said
                continue
            for word in BODY:
                assert word not in said, (one.code, said)


def test_what_shows_locked_is_data_and_a_channel_nobody_knows_may() -> None:
    """A program of the integrator's is told whole; whatever is not listed is taken for a phone."""
    assert may_show_locked("webpush")
    assert may_show_locked("something-new")
    assert not may_show_locked("json")
    fire = a_story()
    page = msgspec.structs.replace(a_delivery(fire, "s01", Why.opened), channel="webpush")
    assert message(fire.alert, page, registry=fire.registry, now=NOON).title == "#317 应急响应：厨房烟感报警"
    story = Story()
    story.hear(
        a_finding(
            "v", code="VT1", cause="vitals", level=Level.red, quantity="heart_rate", device="belt-0317",
            pictogram="vitals", title={"zh": "卧室在床心率过快", "en": "heart rate very high in bed (bedroom)"},
        )
    )  # fmt: skip
    page = msgspec.structs.replace(a_delivery(story, "s01", Why.opened), channel="webpush")
    told = message(story.alert, page, registry=story.registry, now=NOON)
    assert told.title == "#317 应急响应：老人情况紧急，请登录查看"


# -- cases of the centre itself --


def a_centre_case(code: str = "TE14", cause: str = "screens", **more: Any) -> Story:
    story = Story()
    title = more.pop(
        "title", {"zh": "监控席无声或无人值守", "en": "nobody sees or hears the monitoring desk"}
    )
    fields = {"level": Level.yellow, "device": None, "pictogram": "device", "life": False, **more}
    story.finding(code=code, cause=cause, home="zpq", title=title, **fields)
    return story


@pytest.mark.parametrize(
    ("code", "cause", "script"),
    [
        ("TE14", "screens", "screens"),
        ("TE8", "duty:desk", "duty"),
        ("ST1", "storm", "storm"),
        ("TE15", "integration:meals", "partner"),
        ("CR2", "round:r1", "round"),
        ("TE7", "service", "own"),
    ],
)
def test_a_case_of_the_centre_has_a_script_of_its_own(code: str, cause: str, script: str) -> None:
    """No home is rung, nobody is asked how their device is, no key is named; the desk's own number is."""
    story = a_centre_case(code, cause)
    found = scripts.script_for(story.alert, operator="陈敏芝", desk_phone="0574-1")
    assert found.id == script
    said = " ".join([found.say, *(f"{s.do} {s.detail}" for s in found.steps)])
    assert len(found.steps) == 3
    assert not any(word in said for word in ("您家", "家中座机", "钥匙", "派最近的人上门", "{"))
    assert ("0574-1" in said) == (script == "screens")


@pytest.mark.parametrize(("code", "script"), [("TE5", "area"), ("TE4", "gateway"), ("TE3", "device")])
def test_what_is_dark_has_steps_of_its_own(code: str, script: str) -> None:
    """An area asks caretaker and power company and goes through its list; a home without its gateway asks how the person is; a device asks for its plug."""
    story = Story()
    story.finding(
        code=code,
        cause="area" if code == "TE5" else "offline",
        resident=None,
        parameters={"homes": ["h0317", "h0402"]},
    )
    found = scripts.script_for(
        story.alert, operator="陈敏芝", since="03:12", home=story.registry.homes["h0317"]
    )
    assert found.id == script
    said = " ".join([found.say, *(f"{s.do} {s.detail}" for s in found.steps)])
    assert "{" not in said
    assert ("95598" in said, "逐户关照" in said, "2 户" in said) == ((script == "area"),) * 3
    assert ("03:12" in said) == (script != "device"), "since when nothing is watched"
    assert any("没有告警不等于平安" in hint for hint in found.hints) == (script != "device")
    if script == "area":
        assert found.steps[0].detail_en == "2 homes unprotected since 03:12"
        assert "听力" not in " ".join(found.hints), "what is known of one of many homes"
        assert "0574" not in said


def test_the_likely_causes_of_a_kind_stand_first() -> None:
    """A kitchen's smoke: cooking, incense, steam, then a real fire; nothing of it is chosen. Every script's are codes that exist."""
    story = a_story()
    found = scripts.script_for(story.alert)
    assert found.causes[:4] == ["C02", "C03", "C04", "C01"]
    assert not {"C07", "C08", "C10", "C14", "C18"} & set(found.causes)
    assert found.suggest is None


def test_a_silent_desk_is_told_to_every_phone_on_duty_by_its_name() -> None:
    """ux 6.4: 「监控席无声或无人值守」 to operators, supervisors and responders on duty, wherever they are; nobody is asked to a door."""
    story = a_centre_case()
    first = [d for t in story.log for d in t.deliveries]
    assert {d.person: d.purpose for d in first} == {
        "s01": Purpose.acknowledge,
        "s03": Purpose.acknowledge,
        "s07": Purpose.inform,
        "s08": Purpose.inform,
        "s09": Purpose.inform,
    }
    assert story.alert.responders == (), "nobody was offered a way to go"
    for delivery in first:
        one = message(story.alert, delivery, registry=story.registry, now=NOON)
        assert one.title == "#317 监控席无声或无人值守"
        assert "家中" not in one.body
        assert "值班席打电话" in one.body
    en = message(story.alert, first[0], registry=story.registry, now=NOON, language="en")
    assert (en.title, "desk" in en.body) == ("#317 nobody sees or hears the monitoring desk", True)


def test_who_may_look_in_is_told_once_and_told_when_it_is_over() -> None:
    """The reminders are for those who can take it; whoever was asked to look in hears that they need not any more."""
    story = a_centre_case()
    story.wait(1500)
    told = [d for t in story.log for d in t.deliveries if d.person == "s07"]
    assert [d.reason for d in told] == [Why.opened]
    assert any(d.reason is Why.reminder for t in story.log for d in t.deliveries if d.person == "s01")
    story.do("close", **CODES)
    told = [d for t in story.log for d in t.deliveries if d.person == "s07"]
    assert [d.reason for d in told] == [Why.opened, Why.closed]
