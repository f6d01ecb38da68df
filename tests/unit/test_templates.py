"""Home Assistant's templates as devices announce them: the same value as there, in bounded time, or a reason why not."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest

from care.errors import Refused
from devices.codecs.templates import LENGTH_LIMIT, Steps, read_template
from devices.expressions import MISSING, ExpressionFault


def say(template: str, payload: Any) -> Any:
    raw = payload if isinstance(payload, str) else json.dumps(payload)
    return read_template(template)(MISSING if isinstance(payload, str) else payload, raw, Steps())


SENSORS = {
    "sensors": [
        {"id": 1, "outs": [{"o": 0, "v": 3.456}]},
        {"id": 0, "outs": [{"o": 1, "v": 9}, {"o": 0, "v": 21.26}]},
    ]
}


@pytest.mark.parametrize(
    ("template", "payload", "wanted"),
    [
        # A dictionary of words, as Zigbee2MQTT writes states of heating.
        ("{% set values = {None:None,'idle':'idle','heat':'heating'} %}{{ values[value_json.s] }}", {"s": "heat"}, "heating"),
        ("{% set values = { '0':'off', '1':'on'} %}{{ values[value] if value in values.keys() else 'off' }}", "1", "on"),
        ("{% set m = {1: 'ON', 2: 'OFF'} %}{{ m.get(value_json.st, 'OFF') }}", {"st": 1}, "ON"),
        ("{{ {'wet': 'ON', 'dry': 'OFF'}[value_json.state] }}", {"state": "dry"}, "OFF"),
        # `set` and conditions.
        ("{% set l = value_json.n | int(0) %}{% if l <= 1 %}low{% elif l <= 3 %}medium{% else %}high{% endif %}", {"n": "3"}, "medium"),
        ('{% set s = value.split(":")[0] %}{% if s == "WARN" %}ON{% else %}OFF{% endif %}', "WARN:hot", "ON"),
        (("{% set a = value_json.get('ARM') %}{% if a is mapping %}{% set s = (a.get('S') or '') %}{% else %}"
         "{% set s = (a or '') %}{% endif %}{% set s = (s|string)|upper %}{{ 'ON' if s not in ['','D'] else 'OFF' }}"), {"ARM": {"S": "t"}}, "ON"),
        # Loops over lists of sensors.
        (("{% for s in value_json.sensors %}{% if s.id == 0 %}{% for o in s.outs %}{% if o.o == 0 %}{{ o.v | round(1) }}{% endif %}"
         "{% endfor %}{% endif %}{% endfor %}"), SENSORS, "21.3"),
        ("{% for s in value_json.sensors if s.id == 1 %}{{ s.id }}{% else %}none{% endfor %}", SENSORS, "1"),
        ("{{ (value_json.sensors | selectattr('id', 'eq', 0) | first).outs | map(attribute='v') | max }}", SENSORS, 21.26),
        (("{% set ns = namespace(hot=false) %}{% for s in value_json.l %}{% if s > 50 %}{% set ns.hot = true %}{% break %}{% endif %}"
         "{% endfor %}{{ 'ON' if ns.hot else 'OFF' }}"), {"l": [1, 60, 2]}, "ON"),
        ("{% for k, v in value_json.items() %}{% if v == 'alarm' %}{{ k }}{% if not loop.last %} {% endif %}{% endif %}{% endfor %}",
         {"smoke": "alarm", "gas": "ok"}, "smoke"),
        # OpenMQTTGateway, Tasmota, Shelly, Valetudo, ESPHome.
        ("{{ value_json.tempc | is_defined }}", {"tempc": 21.5}, 21.5),
        ("{% if value_json.value == 16276049 %}ON{% endif %}", {"value": 16276049}, "ON"),
        ("{% if value_json.value == 16276049 %}ON{% endif %}", {"value": 5}, MISSING),
        ("{{value_json['ENERGY'].Voltage}}", {"ENERGY": {"Voltage": 231}}, 231),
        ("{{ value_json['temperature:100'].tC | round(1) }}", {"temperature:100": {"tC": 19.96}}, 20.0),
        ("{{ (value_json.v | float / 1000) | round(2) }}", {"v": "2971"}, 2.97),
        ("{{ '%s' if false else value_json.battery.level }}", {"battery": {"level": 88}}, 88),
        ("{{ value | trim | lower }}", " ON ", "on"),
        ("{{ iif(value_json.alarm == 1, 'ON', 'OFF') }}", {"alarm": 1}, "ON"),
        ("{{ value_json.params.events[0].event if value_json.params.events is defined else '' }}", {"params": {"events": [{"event": "btn"}]}}, "btn"),
        ("{{ ((value_json.t - 32) * 5 / 9) | round(1) }}", {"t": 68}, 20.0),
        ("{{ value_json.raw[2:4] | int(base=16) }}", {"raw": "001f"}, 31),
        ("{{ value_json.a ~ '-' ~ value_json.b }}", {"a": 1, "b": "x"}, "1-x"),
        ("{% if value_json.a is defined and value_json.a is not none -%} {{ value_json.a }} {%- else -%} 0 {%- endif %}", {"a": 4}, "4"),
        ("{{ 'ON' if value_json.smoke else 'OFF' }}", {"smoke": False}, "OFF"),
        # What is not in the message ends no alarm, and null is unknown.
        ("{{ 'ON' if value_json.smoke == 'yes' else 'OFF' }}", {"battery": 3}, MISSING),
        ("{% set s = value_json.smoke %}{{ 'ON' if s == 'yes' else 'OFF' }}", {"battery": 3}, MISSING),
        ("{{ value_json.smoke | default('OFF') }}", {"battery": 3}, MISSING),
        ("{{ 'ON' if value_json.smoke else 'OFF' }}", {"smoke": None}, None),
        ("{{ 'OFF' if value_json.smoke is none else 'ON' }}", {"smoke": None}, "OFF"),
        ("{{ value_json.t / 10 }}", {"t": None}, None),
        ("{{ value_json.t | float / 10 }}", {"x": 1}, MISSING),
        ("{{ value_json.t }}", "no JSON", MISSING),
    ],
)  # fmt: skip
def test_a_template_says_what_it_says_in_home_assistant(template: str, payload: Any, wanted: Any) -> None:
    """Forms that devices and bridges really announce."""
    assert say(template, payload) == wanted


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ states('sensor.x') }}", "`states()` is not followed"), ("{{ now() }}", "`now()` is not followed"),
        ("{{ trigger.x }}", "`trigger` is not known here"), ("{{ value | regex_findall('(a+)+$') }}", "the filter `regex_findall`"),
        ("{{ value_json.x ** 9 }}", "`Pow` is not followed"), ("{{ ''.__class__ }}", "`__class__` is no field"),
        ("{{ value.format(value_json) }}", "the call of `format`"), ("{{ value.encode().hex() }}", "the call of `hex`"),
        ("{% include 'x' %}", "`Include` is not followed"), ("{% macro m() %}{% endmacro %}", "`Macro` is not followed"),
        ("{% for a in value_json recursive %}{{ loop(a) }}{% endfor %}", "a loop that calls itself"),
        ("{{ min(*value_json) }}", "`*` before an argument"), ("{{ value_json.x | map('upper') }}", "the filter `map`"),
        ("{% if %}", "it is no template that can be read"), ("{{ " + "(" * 900 + "1", "it is"), ("word", "it is no template"),
        ("{{ value }}" + " " * LENGTH_LIMIT, "it has more than"), ("{{ " + "-" * 1500 + "1 }}", "it is nested too deep"),
        ("{{ value is divisibleby 2 }}", "the test `is divisibleby`"), ("{{ [].append(value) }}", "the call of `append`"),
    ],
)  # fmt: skip
def test_what_is_not_followed_is_told_in_a_few_words(template: str, why: str) -> None:
    """For the quarantine: what of it, so that a person can change it."""
    with pytest.raises(ExpressionFault) as told:
        read_template(template)
    assert str(told.value).startswith(why)
    assert len(str(told.value)) < 100


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{{ {'1': 'ON'}[value_json.s] }}", {"s": "7"}), ("{{ value_json.level | float > 5 }}", {"level": "much"}),
        ("{{ value_json.a / value_json.b }}", {"a": 1, "b": 0}), ("{{ value_json.l ~ 'x' }}", {"l": [1]}),
    ],
)  # fmt: skip
def test_a_word_that_the_template_does_not_know_is_refused(template: str, payload: Any) -> None:
    """It is neither an alarm nor none."""
    with pytest.raises(Refused):
        say(template, payload)


DOUBLED = "{% set a = value_json.l %}" + "{% set a = a + a %}" * 60
NESTED = "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 25
GREEDY = [
    ("{% for i in range(9999999) %}x{% endfor %}", {}),
    ("{% for i in value_json.l %}{% for j in value_json.l %}{% for k in value_json.l %}x{% endfor %}{% endfor %}{% endfor %}", {"l": [1] * 5000}),
    (DOUBLED + "{{ a | length }}", {"l": [1] * 5000}),
    ("{% set a = value_json.s %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}", {"s": "x" * 9000}),
    ("{% set a = value_json.n %}" + "{% set a = a * a %}" * 60 + "{{ a }}", {"n": 99999}),
    (NESTED + "{{ a == b }}", {}),
    ("{% set ns = namespace(r=1) %}{% for i in range(3000) %}{% set ns.r = [ns.r] %}{% endfor %}{{ ns.r == ns.r }}", {}),
    ("{% for i in value_json.l %}{{ value_json.s | replace('x', value_json.s) }}{% endfor %}", {"l": [1] * 500, "s": "x" * 7000}),
    ("{% for i in value_json.l %}{{ 'y' in value_json.s }}{% endfor %}", {"l": [1] * 3000, "s": "x" * 9000}),
    ("{% for i in value_json.l %}{% set t = value_json.s.split('x') %}{% endfor %}", {"l": [1] * 500, "s": "x" * 9000}),
    ("{% for i in value_json.l %}{{ value_json.s | from_json | length }}{% endfor %}", {"l": [1] * 500, "s": json.dumps([1] * 4000)}),
    ("{% for i in value_json.l %}{{ value_json.l | selectattr('a', 'eq', 1) | list | length }}{% endfor %}", {"l": [{"a": 1}] * 1000}),
    ("{% for i in value_json.l %}{{ value_json.s | upper | lower | title | trim }}{% endfor %}", {"l": [1] * 3000, "s": "x" * 9000}),
    ("{% for i in value_json.l %}{{ value_json.s[::-1] }}{% endfor %}", {"l": [1] * 3000, "s": "x" * 9000}),
]  # fmt: skip


@pytest.mark.parametrize(("template", "payload"), GREEDY, ids=range(len(GREEDY)))
def test_no_template_takes_long(template: str, payload: Any) -> None:
    """The worst that were thought of end within a fraction of a second: a message of 16 KB costs no more than a hundred others."""
    follow = read_template(template)
    before = time.process_time()
    try:
        follow(payload, json.dumps(payload), Steps())
    except Refused as refused:
        assert refused.detail  # noqa: PT017  some end by themselves
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize(
    "end", ["{% set l = [t, t] %}" + "{% set l = l + l %}" * 10 + "{{ l | join }}",
            "{% set l = [1, 1] %}" + "{% set l = l + l %}" * 10 + "{{ l | join(t) }}"]
)  # fmt: skip
def test_a_text_without_end_is_refused_before_it_is_made(end: str) -> None:
    """2,048 times sixteen kilobytes were 32 MB on the way to being refused."""
    follow = read_template("{% set t = value %}" + "{% set t = t ~ t %}" * 13 + end)
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="without end"):
            follow(1, "x", Steps())
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_namespace_is_no_value() -> None:
    """It is what loops write into; a sensor that would say it says nothing that can be used."""
    with pytest.raises(Refused, match="namespace"):
        read_template("{% set n = namespace(a=1) %}{{ n }}")({}, "{}", Steps())
