"""Maintenance orders: one for a device, opened by its cases, closed by proof and never by belief."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from alerts.alert import Alert
from alerts.repairs import (
    PROOF_AFTER,
    PROOF_WITHIN,
    Did,
    Found,
    Repair,
    assign,
    by_hand,
    done,
    judge,
    needs,
    release,
    reported,
    withdraw,
)
from care.messages import DeviceHealth, HomeHealth
from care.words import Level, Phase
from tests.unit.test_alert_house import NOON, SITE, Story, a_finding, registry

PLACES = registry(SITE)
FINE = {
    "h0317": HomeHealth(
        home="h0317",
        protection="protected",
        at=NOON,
        devices=[DeviceHealth(device=d, kind="sos") for d in ("smoke-0317", "sos-0317")],
    )
}
LATER = NOON + timedelta(hours=3)


def a_case(code: str = "TE1", *, device: str = "smoke-0317", cause: str = "", **more: Any) -> Alert:
    story = Story()
    story.hear(
        a_finding(
            f"{code}{device}", code=code, cause=cause or f"device:{device}", level=more.pop("level", Level.blue),
            device=device, life=False, auto_close=True, **more,
        )
    )  # fmt: skip
    return story.alert


def cleared(alert: Alert) -> Alert:
    """The same case once the rules say that it is over."""
    return msgspec.structs.replace(
        alert,
        findings=tuple(
            msgspec.structs.replace(f, phase=Phase.cleared.value, condition="cleared") for f in alert.findings
        ),
    )


def test_two_cases_of_one_device_are_one_order_and_it_is_opened_once() -> None:
    """A flat battery and an open lid: one order that names both; asked again nothing new comes."""
    cases = [a_case("TE1"), a_case("TE2", level=Level.yellow)]
    (order,) = judge(PLACES, {}, cases, {}, NOON)
    assert (order.device, set(order.codes), order.state) == ("smoke-0317", {"TE1", "TE2"}, "open")
    assert order.due == NOON + timedelta(hours=24), "the graver of the two decides"
    assert judge(PLACES, {order.id: order}, cases, {}, NOON + timedelta(minutes=1)) == []


def test_silence_is_given_two_hours_before_somebody_is_sent() -> None:
    """A device that fell silent often speaks again; one click opens the order at once, and it has the same name."""
    case = a_case("TE3")
    assert judge(PLACES, {}, [case], {}, NOON + timedelta(minutes=119)) == []
    (order,) = judge(PLACES, {}, [case], {}, NOON + timedelta(minutes=120))
    assert order.codes == ("TE3",)


def test_behind_a_dead_gateway_there_is_one_order() -> None:
    """Silent devices of a home whose gateway is gone are not repaired one by one."""
    cases = [
        a_case("TE4", cause="offline", level=Level.yellow),
        a_case("TE3"),
        a_case("TE1", device="sos-0317"),
    ]
    wanted = needs(PLACES, cases, LATER)
    assert {(n.device, n.codes) for n in wanted.values()} == {(None, ("TE4",)), ("sos-0317", ("TE1",))}


def the_order(case: Alert) -> Repair:
    (order,) = judge(PLACES, {}, [case], {}, NOON)
    return order


def after(order: Repair, cases: list[Alert], health: dict[str, HomeHealth], at: Any) -> Repair:
    changed = judge(PLACES, {order.id: order}, cases, health, at)
    return changed[0] if changed else order


def test_what_was_done_is_believed_when_the_device_says_so() -> None:
    """Done is not closed: only once the rules have cleared it and the device is heard and well."""
    case = a_case()
    order = assign(the_order(case), "s07", None, NOON, by="s01")
    assert (order.state, order.assigned) == ("assigned", "s07")
    order = done(order, Did.battery, "", NOON, by="s07")
    assert order.state == "done"
    assert after(order, [case], FINE, LATER).state == "done", "the rule still says that it is flat"
    assert after(order, [cleared(case)], FINE, LATER).state == "done", "the device has not reported since"
    order = reported(order, NOON + timedelta(minutes=1))
    assert after(order, [cleared(case)], {}, LATER).state == "done", "nothing is known of the device"
    proved = after(order, [cleared(case)], FINE, LATER)
    assert (proved.state, proved.closed, proved.steps[-1].what) == ("closed", "proved", "proved")
    assert after(proved, [cleared(case)], {}, LATER) == proved


@pytest.mark.parametrize("bad", [{"silent": True}, {"reason": "battery"}])
def test_a_device_that_is_not_well_proves_nothing(bad: dict[str, Any]) -> None:
    """The case may have been closed by hand: silence and a reason of its own keep the order open."""
    sick = msgspec.structs.replace(
        FINE["h0317"], devices=[DeviceHealth(device="smoke-0317", kind="smoke", **bad)]
    )
    order = reported(done(the_order(a_case()), Did.replaced, "", NOON, by="s07"), LATER)
    assert after(order, [], {"h0317": sick}, LATER).state == "done"


def test_what_does_not_hold_comes_back() -> None:
    """No proof within a day, or the same trouble again: it is work again and says how often."""
    case = a_case()
    order = done(assign(the_order(case), "s07", None, NOON, by="s01"), Did.battery, "", NOON, by="s07")
    back = after(order, [case], FINE, NOON + PROOF_WITHIN)
    assert (back.state, back.again, back.steps[-1].what, back.assigned) == (
        "assigned",
        1,
        "not_proven",
        "s07",
    )
    fresh = a_case("TE2", at=NOON + timedelta(minutes=5))
    assert after(order, [fresh], FINE, LATER).steps[-1].what == "again"


def test_what_a_person_asked_for_waits_for_a_person() -> None:
    """A healthy device does not close an order to move it; after the work health is asked, not before it can tell."""
    order = by_hand("h0317", "sos-0317", "移到床头", NOON, by="s01")
    assert after(order, [], FINE, LATER) == order
    order = done(order, Did.resited, "", LATER, by="s07")
    assert after(order, [], FINE, LATER + PROOF_AFTER).state == "done", "well, but not heard since"
    order = reported(order, LATER + timedelta(seconds=5))
    assert after(order, [], FINE, LATER + timedelta(minutes=1)).state == "done"
    assert after(order, [], FINE, LATER + PROOF_AFTER).closed == "proved"


def test_withdrawn_stays_withdrawn_and_what_is_gone_needs_no_repair() -> None:
    """The same findings open no second order; a device that left the site file closes its own."""
    case = a_case()
    order = withdraw(the_order(case), "下周拆除", NOON, by="s01")
    assert judge(PLACES, {order.id: order}, [case], {}, LATER) == []
    gone = by_hand("h0317", "belt-9", "", NOON, by="s01")
    assert after(gone, [], {}, LATER).closed == "removed"


def test_the_same_word_twice_is_one() -> None:
    """A double tap adds no step."""
    order = done(the_order(a_case()), Did.battery, "", NOON, by="s07")
    assert done(order, Did.battery, "", LATER, by="s07") == order
    order = assign(order, "s07", None, NOON, by="s01")
    assert assign(order, "s07", None, LATER, by="s01") == order


def test_only_the_first_report_after_the_work_is_a_proof() -> None:
    """What was heard before, or while nothing was done yet, proves nothing; work that is done anew wants a new report."""
    order = the_order(a_case())
    assert reported(order, LATER) == order
    order = done(order, Did.battery, "", NOON, by="s07", found=Found.battery)
    assert reported(order, NOON) == order
    first = reported(order, NOON + timedelta(seconds=1))
    assert (first.heard_at, reported(first, LATER)) == (NOON + timedelta(seconds=1), first)
    anew = done(first, Did.replaced, "", LATER, by="s07", found=Found.broken)
    assert (anew.found, anew.heard_at) == (Found.broken, None)


def test_given_back_anybody_may_take_it() -> None:
    """Released twice is once; the history says why."""
    order = assign(the_order(a_case()), "s07", None, NOON, by="s07")
    free = release(order, "没有带电池", LATER, by="s07")
    assert (free.state, free.assigned, free.steps[-1].note) == ("open", None, "没有带电池")
    assert release(free, "", LATER, by="s07") == free
