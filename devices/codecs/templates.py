"""Home Assistant's value templates, read by Jinja's own parser and walked here: what is not on the lists below is not followed.

Start at `read_template`. Whoever may publish a config could write any template, so nothing of Jinja's runtime is used: no
code is made, no attribute of a Python object is reached, no filter but ours is called. A template has at most
`LENGTH_LIMIT` characters, all those of a message together take at most `STEPS_LIMIT` steps (of some microseconds), a text has
at most `TEXT_LIMIT` characters and a number is at most 2**63. `tests/unit/test_templates.py` measures the worst that was found.

Unlike Home Assistant, a rendering of which no field is in the message says nothing (MISSING), whatever its `else` or
`default` would say: a battery report ends no alarm. Fields that are all null make the value unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, Protocol

from care.errors import Reason, Refused
from devices.codecs import Twice, Wrong, read_json
from devices.expressions import MISSING, ExpressionFault, number


class Steps:
    """What all templates of one message together may cost: a config can hang hundreds on one topic."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS_LIMIT


class Template(Protocol):
    """(JSON or MISSING, raw text, steps of the message) -> value; MISSING where it finds nothing. Raises Refused (bad_value)."""

    def __call__(self, json: Any, raw: str, steps: Steps) -> Any: ...


LENGTH_LIMIT = 2000
"""Characters; the longest template of a sensor that was found in public had 600."""
STEPS_LIMIT = 10_000
TEXT_LIMIT = 16_384
_BIG = 2**63
_SILENT_WORDS = frozenset({"", "nan", "unknown", "unavailable", "none", "null", "undefined"})


class _Nothing(Exception):
    """A number was wanted where there is none: the whole says nothing."""


class _Left(Exception):
    def __init__(self, how: str) -> None:
        self.how = how


def read_template(text: str) -> Template:
    """A template as a function. Raises ExpressionFault that says in a few words what of it is not followed."""
    found = _read(text)
    if isinstance(found, str):
        raise ExpressionFault(found)
    return found


@lru_cache(maxsize=4096)
def _read(text: str) -> Template | str:
    """The template, or why it is not followed."""
    if len(text) > LENGTH_LIMIT:
        return f"it has more than {LENGTH_LIMIT} characters"
    if "{" not in text:
        return "it is no template"
    parser = _parser()
    try:
        tree = parser.parse(text.strip())
        _check(tree, {"value", "value_json"})
    except ExpressionFault as fault:
        return str(fault)
    except RecursionError:
        return "it is nested too deep"
    except Exception as fault:  # noqa: BLE001  whatever the parser trips over
        return f"it is no template that can be read ({type(fault).__name__})"
    return partial(_render, tree)


@lru_cache(maxsize=1)
def _parser() -> Any:
    # Only who meets discovery pays for the library: every role imports this module.
    from jinja2 import Environment  # noqa: PLC0415

    return Environment(extensions=["jinja2.ext.loopcontrols"], autoescape=False)  # noqa: S701  it never renders


# -- what is followed ----------------------------------------------------------------------------------------------

_DEPTH_LIMIT = 40
_PLAIN_NODES = frozenset(
    ["Template", "Output", "TemplateData", "Const", "Compare", "Operand", "And", "Or", "Not", "Add", "Sub", "Mul", "Div",
     "FloorDiv", "Mod", "Neg", "Pos", "Concat", "CondExpr", "If", "List", "Tuple", "Dict", "Pair", "Getattr", "Getitem",
     "Slice", "Keyword", "Break", "Continue"]
)  # fmt: skip
_METHODS = frozenset(
    ["get", "keys", "values", "items", "split", "strip", "lstrip", "rstrip", "lower", "upper", "startswith", "endswith",
     "replace"]
)  # fmt: skip


def _check(node: Any, names: set[str], depth: int = 0) -> None:
    """Raises ExpressionFault for what is not followed. `names` are those that mean something here; `set` adds its own."""
    if depth > _DEPTH_LIMIT:
        raise ExpressionFault("it is nested too deep")
    kind = type(node).__name__
    if kind == "Name":
        if node.name not in names:
            raise ExpressionFault(f"`{node.name[:40]}` is not known here")
        return
    if kind == "Filter":
        if node.name not in _FILTERS or (node.name == "map" and node.args):
            raise ExpressionFault(f"the filter `{node.name[:40]}` is not followed like that")
    elif kind == "Getattr":
        if node.attr.startswith("__"):
            raise ExpressionFault(f"`{node.attr[:40]}` is no field")
    elif kind == "Test":
        if node.name not in _TESTS:
            raise ExpressionFault(f"the test `is {node.name[:40]}` is not followed")
    elif kind == "Call":
        _check_call(node, names, depth)
        return
    elif kind == "For":
        if node.recursive:
            raise ExpressionFault("a loop that calls itself is not followed")
        _check(node.iter, names, depth + 1)
        own = {*names, *_targets(node.target), "loop"}
        for part in (*([node.test] if node.test is not None else []), *node.body, *node.else_):
            _check(part, own, depth + 1)
        return
    elif kind == "Assign":
        _check(node.node, names, depth + 1)
        if type(node.target).__name__ == "NSRef":
            if node.target.name not in names:
                raise ExpressionFault(f"`{node.target.name[:40]}` is not known here")
        else:
            names.update(_targets(node.target))
        return
    elif kind not in _PLAIN_NODES:
        raise ExpressionFault(f"`{kind}` is not followed")
    if kind in ("Filter", "Test") and (node.dyn_args is not None or node.dyn_kwargs is not None):
        raise ExpressionFault("`*` before an argument is not followed")
    for part in node.iter_child_nodes():
        _check(part, names, depth + 1)


def _check_call(node: Any, names: set[str], depth: int) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise ExpressionFault("`*` before an argument is not followed")
    called = node.node
    if type(called).__name__ == "Name":
        if called.name not in _FUNCTIONS:
            raise ExpressionFault(f"`{called.name[:40]}()` is not followed")
    elif type(called).__name__ == "Getattr" and called.attr in _METHODS:
        _check(called.node, names, depth + 1)
    else:
        raise ExpressionFault(
            f"the call of `{str(getattr(called, 'attr', 'something'))[:40]}` is not followed"
        )
    for part in (*node.args, *node.kwargs):
        _check(part, names, depth + 1)


def _targets(target: Any) -> list[str]:
    if type(target).__name__ == "Name":
        return [target.name]
    if type(target).__name__ == "Tuple" and all(type(t).__name__ == "Name" for t in target.items):
        return [t.name for t in target.items]
    raise ExpressionFault("a name is wanted before `=`")


# -- following it --------------------------------------------------------------------------------------------------


class _Run:
    """One rendering."""

    __slots__ = ("asks_for_null", "json", "raw", "scopes", "seen", "steps")

    def __init__(self, json: Any, raw: str, steps: Steps) -> None:
        self.json = json
        self.raw = raw
        self.steps = steps
        self.scopes: list[dict[str, Any]] = [{}]
        self.seen: list[Any] = []
        """What stood at each field of the message that was asked for."""
        self.asks_for_null = False

    def pay(self, steps: int) -> None:
        self.steps.left -= steps
        if self.steps.left < 0:
            raise _wrong("the templates of this message take too long")

    def named(self, name: str) -> Any:
        if name == "value_json":
            return self.json
        if name == "value":
            self.seen.append(self.raw)
            return self.raw
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return MISSING


class _Namespace:
    """`namespace()`: the one thing that a loop may change outside of itself."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


def _wrong(why: str) -> Refused:
    return Refused(Reason.bad_value, why)


def _render(tree: Any, json: Any, raw: str, steps: Steps) -> Any:
    run = _Run(json, raw, steps)
    try:
        result = _whole(run, tree)
    except _Nothing:
        return None if any(s is None for s in run.seen) else MISSING
    except _Left:
        raise _wrong("`break` outside of a loop") from None
    except (
        ArithmeticError,
        TypeError,
        ValueError,
        IndexError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as fault:
        raise _wrong(f"the template fails ({type(fault).__name__})") from None
    if isinstance(result, _Namespace):
        raise _wrong("a namespace is no value")
    if not run.seen:
        return result
    if any(s is not MISSING and (run.asks_for_null or s is not None) for s in run.seen):
        if result is MISSING:
            raise _wrong("the template has no word for it")
        return MISSING if result == "" else result
    return None if any(s is None for s in run.seen) else MISSING


def _whole(run: _Run, tree: Any) -> Any:
    """The value of a lone `{{ … }}` as it is; else what was written, stripped."""
    body = tree.body
    while len(body) > 1 and type(body[0]).__name__ == "Assign":
        _assign(run, body[0])
        body = body[1:]
    if len(body) == 1 and type(body[0]).__name__ == "Output":
        parts = [
            p for p in body[0].nodes if type(p).__name__ != "TemplateData" or p.data.strip()
        ]  # white space is no word
        if len(parts) == 1 and type(parts[0]).__name__ != "TemplateData":
            return _value(run, parts[0])
    written: list[str] = []
    _write(run, body, written)
    return "".join(written).strip().strip("'\"")


def _write(run: _Run, body: Iterable[Any], written: list[str]) -> None:
    for node in body:
        run.pay(1)
        match type(node).__name__:
            case "Output":
                for part in node.nodes:
                    if type(part).__name__ == "TemplateData":
                        word = part.data
                    else:
                        word = _text(run, _value(run, part))
                    run.pay(1 + len(word) // 64)
                    written.append(word)
            case "Assign":
                _assign(run, node)
            case "If":
                _write_if(run, node, written)
            case "For":
                _write_for(run, node, written)
            case "Break" | "Continue" as how:
                raise _Left(how)


def _write_if(run: _Run, node: Any, written: list[str]) -> None:
    for branch in (node, *node.elif_):
        if _truth(_value(run, branch.test)):
            _write(run, branch.body, written)
            return
    _write(run, node.else_, written)


def _write_for(run: _Run, node: Any, written: list[str]) -> None:
    names = _targets(node.target)
    items = _items(run, _value(run, node.iter))
    if node.test is not None:
        kept = []
        for item in items:
            run.scopes.append(_bound(names, item))
            if _truth(_value(run, node.test)):
                kept.append(item)
            run.scopes.pop()
        items = kept
    if not items:
        _write(run, node.else_, written)
    depth = len(run.scopes)
    for i, item in enumerate(items):
        loop = {
            "index": i + 1,
            "index0": i,
            "first": i == 0,
            "last": i == len(items) - 1,
            "length": len(items),
        }
        run.scopes.append({"loop": loop, **_bound(names, item)})
        try:
            _write(run, node.body, written)
        except _Left as left:
            if left.how == "Break":
                return
        finally:
            del run.scopes[depth:]


def _bound(names: list[str], item: Any) -> dict[str, Any]:
    if len(names) == 1:
        return {names[0]: item}
    if not isinstance(item, list) or len(item) != len(names):
        raise _wrong("a loop takes apart what has other parts")
    return dict(zip(names, item, strict=True))


def _assign(run: _Run, node: Any) -> None:
    value = _value(run, node.node)
    if type(node.target).__name__ == "NSRef":
        space = run.named(node.target.name)
        if not isinstance(space, _Namespace):
            raise _wrong("only a namespace has parts that can be set")
        space.values[node.target.attr] = value
        return
    run.scopes[-1].update(_bound(_targets(node.target), value))


def _value(run: _Run, node: Any) -> Any:
    run.pay(1)
    match type(node).__name__:
        case "Const":
            return node.value
        case "Name":
            value = run.named(node.name)
            if node.name == "value_json":
                run.seen.append(value)
            return value
        case "Getattr" | "Getitem":
            return _found(run, node)
        case "Filter":
            subject = _value(run, node.node) if node.node is not None else MISSING
            args, named = _arguments(run, node)
            return _FILTERS[node.name](run, subject, *args, **named)
        case "Test":
            if node.name in ("none", "defined", "undefined"):
                run.asks_for_null = True
            args, named = _arguments(run, node)
            return _TESTS[node.name](run, _value(run, node.node), *args, **named)
        case "Call":
            return _call(run, node)
        case "And":
            left = _value(run, node.left)
            return _value(run, node.right) if _truth(left) else left
        case "Or":
            left = _value(run, node.left)
            return left if _truth(left) else _value(run, node.right)
        case "Not":
            return not _truth(_value(run, node.node))
        case "Neg":
            return -_number(_value(run, node.node))
        case "Pos":
            return _number(_value(run, node.node))
        case "CondExpr":
            if _truth(_value(run, node.test)):
                return _value(run, node.expr1)
            return _value(run, node.expr2) if node.expr2 is not None else ""
        case "Concat":
            return _bounded(run, "".join(_text(run, _value(run, part)) for part in node.nodes))
        case "Compare":
            return _compared(run, node)
        case "List" | "Tuple":
            return [_value(run, item) for item in node.items]
        case "Dict":
            return {_key(_value(run, pair.key)): _value(run, pair.value) for pair in node.items}
        case name:
            return _ARITHMETIC[name](run, _value(run, node.left), _value(run, node.right))


def _arguments(run: _Run, node: Any) -> tuple[list[Any], dict[str, Any]]:
    return [_value(run, a) for a in node.args], {k.key: _value(run, k.value) for k in node.kwargs}


def _found(run: _Run, node: Any) -> Any:
    """What stands at the end of a chain `a.b[0].c`; only the end is a field that was asked for."""
    chain = []
    while type(node).__name__ in ("Getattr", "Getitem"):
        chain.append(node)
        node = node.node
    field = type(node).__name__ == "Name" and node.name == "value_json"
    value = run.json if field else _value(run, node)
    for step in reversed(chain):
        run.pay(1)
        if type(step).__name__ == "Getattr":
            value = _part(value, step.attr)
        elif type(step.arg).__name__ == "Slice":
            value = _slice(run, value, step.arg)
        else:
            value = _part(value, _value(run, step.arg))
    if field:
        run.seen.append(value)
    return value


def _part(value: Any, key: Any) -> Any:
    _usable(value)
    if isinstance(value, _Namespace):
        return value.values.get(key, MISSING) if isinstance(key, str) else MISSING
    if isinstance(value, dict):
        if isinstance(key, str | int | float | bool | None):
            found = value.get(key, MISSING)
            return value.get(str(key), MISSING) if found is MISSING and isinstance(key, int) else found
        return MISSING
    if isinstance(value, list | str) and isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else MISSING
    return MISSING


def _slice(run: _Run, value: Any, arg: Any) -> Any:
    if not isinstance(value, list | str):
        return MISSING
    ends = [None if e is None else _whole_number(_value(run, e)) for e in (arg.start, arg.stop, arg.step)]
    run.pay(len(value) // 64)
    return value[slice(*ends)]


def _call(run: _Run, node: Any) -> Any:
    args, named = _arguments(run, node)
    if type(node.node).__name__ == "Name":
        return _FUNCTIONS[node.node.name](run, *args, **named)
    method, subject = node.node.attr, node.node.node
    if method == "get" and len(args) in (1, 2) and not named:
        direct = type(subject).__name__ == "Name" and subject.name == "value_json"
        found = _part(run.json if direct else _value(run, subject), args[0])
        if direct:
            run.seen.append(found)
        return found if found is not MISSING else args[1] if len(args) > 1 else None
    return _method(run, _value(run, subject), method, args)


def _method(run: _Run, value: Any, method: str, args: list[Any]) -> Any:
    if value is MISSING or value is None:
        raise _Nothing
    if method in ("keys", "values", "items") and isinstance(value, dict) and not args:
        run.pay(len(value))
        return {
            "keys": list(value),
            "values": list(value.values()),
            "items": [[k, v] for k, v in value.items()],
        }[method]
    if not isinstance(value, str):
        raise _wrong(f"`{method}` of what is no text")
    run.pay(1 + len(value) // 64)
    words = [_text(run, a) for a in args]
    match method, words:
        case (("lower" | "upper"), []):
            return value.lower() if method == "lower" else value.upper()
        case (("strip" | "lstrip" | "rstrip"), ([] | [_])):
            return getattr(value, method)(*words)
        case (("startswith" | "endswith"), [word]):
            return value.startswith(word) if method == "startswith" else value.endswith(word)
        case "replace", [old, new]:
            return _replaced(run, value, old, new)
        case "split", ([] | [_]):
            parts = value.split(words[0] or None) if words else value.split()
            run.pay(len(parts))
            return parts
    raise _wrong(f"`{method}` is not called like that")


def _compared(run: _Run, node: Any) -> bool:
    left = _value(run, node.expr)
    for operand in node.ops:
        right = _value(run, operand.expr)
        if left is None or right is None:
            run.asks_for_null = run.asks_for_null or _is_null(node.expr) or _is_null(operand.expr)
        if not _holds(run, operand.op, left, right):
            return False
        left = right
    return True


def _is_null(node: Any) -> bool:
    return type(node).__name__ == "Const" and node.value is None


def _holds(run: _Run, op: str, left: Any, right: Any) -> bool:
    _usable(left, right)
    if op in ("eq", "ne"):
        return _equal(run, left, right) is (op == "eq")
    if op in ("in", "notin"):
        return _is_in(run, left, right) is (op == "in")
    one, two = left, right
    if not (isinstance(one, str) and isinstance(two, str)):
        one, two = _count(left), _count(right)
        if one is None or two is None:
            return False
    return bool({"lt": one < two, "lteq": one <= two, "gt": one > two, "gteq": one >= two}[op])


def _equal(run: _Run, a: Any, b: Any) -> bool:
    """As Python's `==`, paid for by the part: lists can be built that hold one another a billion times."""
    run.pay(1)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_equal(run, x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(run, x, b[k]) for k, x in a.items())
    if isinstance(a, dict | list) or isinstance(b, dict | list):
        return False
    if isinstance(a, str) and isinstance(b, str):
        run.pay(len(a) // 256)
    return bool(a == b)


def _is_in(run: _Run, one: Any, many: Any) -> bool:
    if isinstance(many, str):
        run.pay(1 + len(many) // 64)
        return isinstance(one, str) and one in many
    if isinstance(many, list):
        return any(_equal(run, one, item) for item in many)
    return isinstance(many, dict) and isinstance(one, str | int | float | bool | None) and one in many


def _usable(*values: Any) -> None:
    for value in values:
        if isinstance(value, Twice):
            raise _wrong("a field is given twice with different values")
        if isinstance(value, Wrong):
            raise _wrong("a number that is none")


def _truth(value: Any) -> bool:
    _usable(value)
    return value is not MISSING and bool(value)


def _count(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return number(value)


def _number(value: Any) -> int | float:
    """A number, or a text that is one. Raises _Nothing where nothing stands, Refused for a word."""
    _usable(value)
    if (
        value is None
        or value is MISSING
        or (isinstance(value, str) and value.strip().lower() in _SILENT_WORDS)
    ):
        raise _Nothing
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        if not math.isfinite(value) or abs(value) > _BIG:
            raise _wrong("a number that is too long")
        return value
    found = number(value)
    if found is None:
        raise _wrong("a number is wanted")
    return int(found) if found.is_integer() and abs(found) < 2**53 and "." not in str(value) else found


def _whole_number(value: Any) -> int:
    found = _number(value)
    return int(found)


def _text(run: _Run, value: Any) -> str:
    _usable(value)
    if value is MISSING:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list | _Namespace):
        raise _wrong("a list or an object where a word is wanted")
    return _bounded(run, str(value))


def _bounded(run: _Run, text: str) -> str:
    if len(text) > TEXT_LIMIT:
        raise _wrong("the template makes a text without end")
    run.pay(len(text) // 64)
    return text


def _key(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | None):
        return value
    raise _wrong("a word is wanted before `:`")


def _items(run: _Run, value: Any) -> list[Any]:
    _usable(value)
    if value is MISSING or value is None:
        return []
    if isinstance(value, dict | list):
        run.pay(len(value))
        return list(value)
    raise _wrong("a list is wanted")


# -- numbers and texts ---------------------------------------------------------------------------------------------


def _within(value: float) -> int | float:
    if not math.isfinite(value) or abs(value) > _BIG:
        raise _wrong("a number that is too long")
    return value if isinstance(value, int) else round(value, 9)


def _add(run: _Run, a: Any, b: Any) -> Any:
    if isinstance(a, str) and isinstance(b, str):
        return _bounded(run, a + b)
    if isinstance(a, list) and isinstance(b, list):
        run.pay(len(a) + len(b))
        return a + b
    return _within(_number(a) + _number(b))


_ARITHMETIC: dict[str, Callable[[_Run, Any, Any], Any]] = {
    "Add": _add,
    "Sub": lambda _run, a, b: _within(_number(a) - _number(b)),
    "Mul": lambda _run, a, b: _within(_number(a) * _number(b)),
    "Div": lambda _run, a, b: _within(_number(a) / _number(b)),
    "FloorDiv": lambda _run, a, b: _within(_number(a) // _number(b)),
    "Mod": lambda _run, a, b: _within(_number(a) % _number(b)),
}
_UNSET: Any = object()


def _or_default(convert: Callable[[Any], Any], value: Any, default: Any) -> Any:
    try:
        return convert(value)
    except (_Nothing, Refused):
        if default is _UNSET:
            raise
        return default


def _int(_run: _Run, value: Any, default: Any = _UNSET, base: Any = 10) -> Any:
    if isinstance(value, str) and base != 10:
        if base not in (2, 8, 16) or len(value) > 20:
            raise _wrong("a number to this base is not followed")
        return int(value, base)
    return _or_default(lambda v: int(_number(v)), value, default)


def _float(_run: _Run, value: Any, default: Any = _UNSET) -> Any:
    return _or_default(lambda v: float(_number(v)), value, default)


def _bool(_run: _Run, value: Any, default: Any = _UNSET) -> Any:
    word = value.strip().lower() if isinstance(value, str) else value
    if word in (True, "true", "yes", "on", "enable", "1"):
        return True
    if word in (False, "false", "no", "off", "disable", "0"):
        return False
    if default is not _UNSET:
        return default
    if value is None or value is MISSING:
        raise _Nothing
    raise _wrong("yes or no is wanted")


def _round(_run: _Run, value: Any, precision: Any = 0, method: Any = "common", default: Any = _UNSET) -> Any:
    def rounded(v: Any) -> Any:
        places = max(-9, min(9, _whole_number(precision)))
        x = _number(v) * 10**places
        part = math.floor(x) if method == "floor" else math.ceil(x) if method == "ceil" else round(x)
        found = part / 10**places
        return int(found) if places <= 0 else found

    return _or_default(rounded, value, default)


def _default(_run: _Run, value: Any, default: Any = "", boolean: Any = False) -> Any:
    return default if value is MISSING or (boolean and not _truth(value)) else value


def _iif(_run: _Run, value: Any, yes: Any = True, no: Any = False, none: Any = _UNSET) -> Any:
    if value is None and none is not _UNSET:
        return none
    return yes if _truth(value) else no


def _replaced(run: _Run, value: Any, old: Any, new: Any) -> Any:
    text, old, new = _text(run, value), _text(run, old), _text(run, new)
    run.pay(1 + len(text) // 16)
    if text.count(old) * len(new) + len(text) > TEXT_LIMIT:
        raise _wrong("the template makes a text without end")
    return text.replace(old, new)


def _length(_run: _Run, value: Any) -> int:
    if value is MISSING:
        raise _Nothing
    if isinstance(value, dict | list | str):
        return len(value)
    raise _wrong("a list is wanted")


def _end(_run: _Run, value: Any, which: int) -> Any:
    if isinstance(value, list | str):
        return value[which] if value else MISSING
    return MISSING if value is MISSING else _fail("a list is wanted")


def _fail(why: str) -> Any:
    raise _wrong(why)


def _extreme(pick: Callable[[list[Any]], Any], run: _Run, *values: Any) -> Any:
    items = _items(run, values[0]) if len(values) == 1 else list(values)
    return pick([_number(i) for i in items]) if items else MISSING


def _join(run: _Run, value: Any, by: Any = "") -> str:
    words, between = [_text(run, i) for i in _items(run, value)], _text(run, by)
    if sum(map(len, words)) + len(between) * len(words) > TEXT_LIMIT + len(between):
        raise _wrong("the template makes a text without end")  # before it is made
    return _bounded(run, between.join(words))


def _picked(wanted: bool, run: _Run, value: Any, attribute: Any, test: Any = None, *args: Any) -> list[Any]:
    if test is not None and test not in _TESTS:
        raise _wrong("a test that is not followed")
    kept = []
    for item in _items(run, value):
        run.pay(1)
        part = _part(item, attribute)
        holds = _truth(part) if test is None else _TESTS[test](run, part, *args)
        if bool(holds) is wanted:
            kept.append(item)
    return kept


def _map(run: _Run, value: Any, *, attribute: Any, default: Any = MISSING) -> list[Any]:
    parts = [_part(item, attribute) for item in _items(run, value)]
    return [default if p is MISSING else p for p in parts]


def _from_json(run: _Run, value: Any) -> Any:
    text = _text(run, value)
    run.pay(100 + len(text) // 8)
    return read_json(text.encode())


def _lowered(how: str) -> Callable[..., Any]:
    return lambda run, value: getattr(_bounded(run, _text(run, value)), how)()


_FILTERS: dict[str, Callable[..., Any]] = {
    "int": _int, "float": _float, "bool": _bool, "round": _round, "default": _default, "d": _default, "iif": _iif,
    "string": _text, "lower": _lowered("lower"), "upper": _lowered("upper"),
    "trim": _lowered("strip"), "title": _lowered("title"), "capitalize": _lowered("capitalize"),
    "is_defined": lambda _run, value: value,
    "abs": lambda _run, value: abs(_number(value)),
    "replace": _replaced, "length": _length, "count": _length,
    "first": lambda run, value: _end(run, value, 0), "last": lambda run, value: _end(run, value, -1),
    "min": partial(_extreme, min), "max": partial(_extreme, max),
    "sum": lambda run, value: _within(sum(_number(i) for i in _items(run, value))),
    "list": _items, "join": _join, "selectattr": partial(_picked, True), "rejectattr": partial(_picked, False), "map": _map,
    "from_json": _from_json,
    "is_number": lambda _run, value: _is_number(value),
    "multiply": lambda _run, value, by, default=_UNSET: _or_default(lambda v: _within(_number(v) * _number(by)), value, default),
    "add": lambda _run, value, by, default=_UNSET: _or_default(lambda v: _within(_number(v) + _number(by)), value, default),
}  # fmt: skip


def _is_number(value: Any) -> bool:
    return number(value) is not None


_TESTS: dict[str, Callable[..., Any]] = {
    "defined": lambda _run, v: v is not MISSING,
    "undefined": lambda _run, v: v is MISSING,
    "none": lambda _run, v: v is None,
    "true": lambda _run, v: v is True,
    "false": lambda _run, v: v is False,
    "boolean": lambda _run, v: isinstance(v, bool),
    "number": lambda _run, v: isinstance(v, int | float),
    "string": lambda _run, v: isinstance(v, str),
    "mapping": lambda _run, v: isinstance(v, dict),
    "sequence": lambda _run, v: isinstance(v, list | str | dict),
    "iterable": lambda _run, v: isinstance(v, list | str | dict),
    **{name: partial(lambda op, run, v, w: _holds(run, op, v, w), op)
       for op, names in {"eq": ("eq", "equalto", "=="), "ne": ("ne", "!="), "lt": ("lt", "lessthan", "<"), "lteq": ("le", "<="),
                         "gt": ("gt", "greaterthan", ">"), "gteq": ("ge", ">="), "in": ("in",)}.items() for name in names},
}  # fmt: skip


def _range(run: _Run, *ends: Any) -> list[int]:
    if not 1 <= len(ends) <= 3:
        raise _wrong("`range` is not called like that")
    found = range(*(_whole_number(e) for e in ends))
    run.pay(len(found) if len(found) < STEPS_LIMIT else STEPS_LIMIT + 1)
    return list(found)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "iif": _iif, "int": _int, "float": _float, "bool": _bool, "range": _range, "is_number": lambda _run, v: _is_number(v),
    "min": partial(_extreme, min), "max": partial(_extreme, max),
    "namespace": lambda _run, **values: _Namespace(dict(values)),
}  # fmt: skip

__all__ = ["LENGTH_LIMIT", "STEPS_LIMIT", "Steps", "Template", "read_template"]
