"""The language of rules says true, false or unknown, and refuses what it does not know with its position."""

from __future__ import annotations

from typing import Any

import pytest

from rules.conditions import ConditionFault, Scope, clock_minutes, compile_condition, duration_seconds
from rules.vocabulary import Type


class Pretend:
    """A view with given values."""

    def __init__(self, now: int = 0, limits: dict[str, Any] | None = None, **values: Any) -> None:
        self.now = now
        self.limits = limits or {}
        self.values = values
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.woken: list[int] = []
        self.answers: dict[str, Any] = {}

    def wake(self, at: int) -> None:
        self.woken.append(at)

    def get(self, quantity: str) -> Any:
        return self.values.get(quantity)

    def word(self, name: str) -> str:
        return str(self.values.get(name, ""))

    def call(self, name: str, args: tuple[Any, ...]) -> Any:
        self.asked.append((name, args))
        return self.answers[name]


def ask(text: str, view: Pretend, scope: Scope | None = None) -> Any:
    return compile_condition(text, scope or Scope()).value(view)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("smoke", {"smoke": True}, True),
        ("smoke", {}, None),
        ("not smoke", {"smoke": True}, False),
        ("not smoke", {}, None),
        ("battery <= 20", {"battery": 20}, True),
        ("battery < 20", {"battery": 20}, False),
        ("battery < 20", {}, None),
        ("20 > battery", {"battery": 19}, True),
        # Kleene: what decides decides, whatever is unknown beside it.
        ("smoke or gas", {"smoke": True}, True),
        ("smoke or gas", {"gas": True}, True),
        ("smoke or gas", {"smoke": False}, None),
        ("smoke or gas", {"smoke": False, "gas": False}, False),
        ("smoke and gas", {"smoke": False}, False),
        ("smoke and gas", {"gas": False}, False),
        ("smoke and gas", {"smoke": True}, None),
        ("not (smoke and gas)", {"smoke": False}, True),
        ("smoke and gas or co", {"co": True}, True),
        ("smoke and (gas or co)", {"smoke": False, "co": True}, False),
        ('kind == "sos"', {"kind": "sos"}, True),
        ('room in ("kitchen", "living")', {"room": "living"}, True),
        ('room in ("kitchen", "living")', {"room": "study"}, False),
        ('fall == "suspected"', {"fall": "suspected"}, True),
        ('fall != "suspected"', {"fall": True}, True),
        ('fall != "suspected"', {}, None),
        ("fault", {"fault": "E02"}, True),
        ("not fault", {"fault": "E02"}, False),
        ("fault or smoke", {"fault": "E02"}, True),
        ("heart_rate <= battery - 12", {"heart_rate": 50, "battery": 62}, True),
        ("heart_rate <= battery - 12", {"heart_rate": 50}, None),
        ("true", {}, True),
    ],
)
def test_an_expression_is_true_false_or_unknown(
    text: str, values: dict[str, Any], expected: bool | None
) -> None:
    """Unknown is a third value and never turns into one of the others by itself."""
    assert ask(text, Pretend(**values)) is expected


@pytest.mark.parametrize(
    ("text", "reason", "position"),
    [
        ("smok", "`smok` is neither a quantity nor a parameter", 1),
        ("smoke and", "a value expected, found the end", 10),
        ("smoke gas", "`gas` is left over", 7),
        ("(smoke", "`)` expected, found the end", 7),
        ("smoke = true", "`=` has no meaning here", 7),
        ("battery > true", "number cannot be compared with bool", 9),
        ("smoke > 3", "bool cannot be compared with number", 7),
        ('bed_state > "a"', "`>` needs numbers or durations, not text", 11),
        ("battery", "true or false needed here, not number", 1),
        ("nosuch(smoke)", "there is no function `nosuch`", 1),
        ("age(smok) > 5m", "`smok` is not a quantity", 5),
        ("age(smoke, gas) > 5m", "`age` takes 1 arguments", 12),
        ("age() > 5m", "`age` needs 1 arguments", 1),
        ("age(smoke) > 5", "duration cannot be compared with number", 12),
        ("age(smoke) == 5m", "a time that grows is compared with < <= > >= only", 12),
        ("age(smoke) > age(gas)", "two times that grow cannot be compared", 12),
        ("moved(battery)", "`moved` needs a duration here, not number", 7),
        ("room in (kitchen)", "a list holds texts", 10),
        ("between(22:00)", "`between` needs 2 arguments", 1),
        ("between(22:70, 06:00)", "`22:70` is not a time of day", 1),
        ('__import__("os")', "there is no function `__import__`", 1),
        ("smoke.value", "`.` has no meaning here", 6),
        ("lambda: 1", "`:` has no meaning here", 7),
        ("", "a value expected, found the end", 1),
    ],
)
def test_what_has_no_meaning_is_refused_with_its_position(text: str, reason: str, position: int) -> None:
    """A rule that cannot work is found when it is loaded, not at three in the morning."""
    with pytest.raises(ConditionFault) as caught:
        compile_condition(text, Scope())
    assert reason in caught.value.reason
    assert caught.value.position == position


def test_a_parameter_counts_with_the_value_in_force() -> None:
    """Parameters are read when asked, so two homes share one compiled rule."""
    scope = Scope(parameters={"low": Type.number})
    rule = compile_condition("battery <= low", scope)
    assert rule.value(Pretend(limits={"low": 20}, battery=18)) is True
    assert rule.value(Pretend(limits={"low": 15}, battery=18)) is False


@pytest.mark.parametrize(
    ("text", "age", "expected", "woken"),
    [
        ("age(smoke) >= 5m", 299.0, False, [1000 + 1_000]),
        ("age(smoke) >= 5m", 300.0, True, [1000]),
        ("age(smoke) > 5m", 299.0, False, [1000 + 1_001]),
        ("age(smoke) <= 5m", 299.0, True, [1000 + 1_001]),
        ("age(smoke) < 5m", 301.0, False, []),
        ("5m < age(smoke)", 299.0, False, [1000 + 1_001]),
        ("age(smoke) > 5m", None, None, []),
    ],
)
def test_a_time_that_grows_says_when_it_will_matter(
    text: str, age: float | None, expected: bool | None, woken: list[int]
) -> None:
    """The engine need not ask again before that moment; a moment that is now is not waited for."""
    view = Pretend(now=1000)
    view.answers["age"] = age
    assert ask(text, view) is expected
    assert view.woken == woken


def test_what_a_rule_reads_is_known_when_it_is_loaded() -> None:
    """The engine asks a rule again only when one of these changes."""
    rule = compile_condition(
        'in_bed and not moved(5m, "kitchen") and count(smoke) >= 2 and held(gas) > 1m', Scope()
    )
    assert rule.own == {"in_bed", "gas"}
    assert rule.wide == {"motion", "presence", "smoke"}
    assert rule.functions == {"moved", "count", "held"}


@pytest.mark.parametrize(
    ("text", "values", "want", "expected"),
    [
        ("smoke or gas", {"smoke": False, "gas": True}, True, ["gas"]),
        ("smoke and gas", {"smoke": True, "gas": True}, True, ["smoke", "gas"]),
        ("not (smoke or gas)", {"smoke": False, "gas": False}, True, ["smoke", "gas"]),
        ("not (smoke and gas)", {"smoke": True, "gas": False}, True, ["gas"]),
        ("battery < 20 or battery_low", {"battery": 12}, True, ["battery"]),
    ],
)
def test_evidence_is_the_few_quantities_that_make_it_so(
    text: str, values: dict[str, Any], want: bool, expected: list[str]
) -> None:
    """One branch of an `or` is enough; every part of an `and` is needed."""
    compiled = compile_condition(text, Scope())
    assert [s.quantity for s in compiled.support(Pretend(**values), want)] == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172800), ("500ms", 0.5), ("1.5h", 5400)],
)
def test_durations_are_written_as_people_do(text: str, seconds: float) -> None:
    """`1h30m` is ninety minutes."""
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "m5", "5x", "-5m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A bare number has no unit."""
    with pytest.raises(ConditionFault):
        duration_seconds(text)


def test_the_end_of_the_day_is_a_time() -> None:
    """`24:00` is midnight at the end of the day, as in shifts."""
    assert clock_minutes("24:00") == 1440
    with pytest.raises(ConditionFault):
        clock_minutes("24:01")
