"""The small language rules are written in: parsed once, checked when loaded, compiled to closures.

    not in_bed and held(in_bed) <= 30m
    gas or (room in ("kitchen", "living") and moved(5m, "kitchen"))

`compile_condition(text, scope)` gives a `Compiled`: call `.value(view)` with a `View` (the engine's) and get
True, False or None. None is unknown, and unknown is a third value: `and`/`or`/`not` follow Kleene, a
comparison with an unknown is unknown. There is no `eval`; anything the loader does not know is refused with its
position. Durations are written `10s 5m 2h 1d` and are seconds inside; wall clock is `22:00`.

Values that move by themselves (`age(x)` grows) tell the view when they will cross their limit, so that the
engine can set a timer instead of asking again and again.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from care.messages import Evidence
from rules.vocabulary import FUNCTIONS, HABITS, QUANTITY_TYPES, SAMPLED, VITALS, WORDS, Type


class ConditionFault(Exception):
    """A condition that cannot be used: what is wrong, and at which character (from 1)."""

    def __init__(self, reason: str, position: int) -> None:
        self.reason = reason
        self.position = position
        super().__init__(f"{reason} (at character {position})")


class View(Protocol):
    """What a condition may ask about one subject at one moment; the engine's own is in `rules.engine`."""

    now: int
    """Milliseconds since 1970 UTC."""
    limits: Mapping[str, Any]
    """Parameters in force: durations in seconds, clocks as minutes of the day."""

    def wake(self, at: int) -> None:
        """Something may change at this moment (ms) without any report."""
        ...

    def get(self, quantity: str) -> Any:
        """The subject's value, None when unknown."""
        ...

    def word(self, name: str) -> str:
        """`room` or `kind` of the subject."""
        ...

    def call(self, name: str, args: tuple[Any, ...]) -> Any:
        """The answer of one of `FUNCTIONS`."""
        ...

    def prove(self, name: str, args: tuple[Any, ...]) -> tuple[Evidence, ...]:
        """What the answer of one that `proves` rests on, after it was found true."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """The names a condition may use."""

    quantities: Mapping[str, Type] = field(default_factory=lambda: QUANTITY_TYPES)
    parameters: Mapping[str, Type] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Support:
    """What a result rests on: a quantity of the subject, or of the whole home (`wide`, in these rooms)."""

    quantity: str
    wide: bool = False
    rooms: tuple[str, ...] = ()
    told: Evidence | None = None
    """The piece of evidence itself, where the function names it."""


Closure = Callable[[Any], Any]
Judge = Callable[[Any], tuple[Any, frozenset[str] | None]]


@dataclass(frozen=True, slots=True)
class Most:
    """One `mostly(…)` of a condition: quantity, comparison, limit and window (seconds)."""

    quantity: str
    op: str
    limit: Closure
    window: Closure


@dataclass(frozen=True, slots=True)
class Compiled:
    """A checked condition, ready to be asked."""

    value: Closure
    type: Type
    text: str
    own: frozenset[str]
    """Quantities of the subject it reads."""
    wide: frozenset[str]
    """Quantities of the whole home it reads."""
    functions: frozenset[str]
    support: Callable[[Any, bool], tuple[Support, ...]]
    """The few quantities that make it true (or, with False, false) just now."""
    mosts: tuple[Most, ...] = ()
    """What it asks of samples."""
    judge: Callable[[bool], Judge] = field(default=lambda _by_time: lambda _view: (None, None), repr=False)
    """Gives what answers both, asked once: the value, and, where that is false, the quantities without whose news it stays
    so; None when it may come true by what no reading tells. `by_time`: it is asked again at the moment the view was told,
    so time need not stand still.
    """

    @property
    def sampled(self) -> bool:
        """It looks at a belt's samples."""
        return any(FUNCTIONS[name].sampled for name in self.functions)


# ------------------------------------------------------------------------------------------- words

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<clock>\d{1,2}:\d{2})
      | (?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)?\b
      | (?P<text>"[^"\n]*")
      | (?P<op>==|!=|<=|>=|<|>|\(|\)|,|\+|-)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)""",
    re.VERBOSE,
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")


def duration_seconds(text: str) -> float:
    """Seconds of `90s`, `5m`, `1h30m`; raises ConditionFault."""
    total, rest = 0.0, text.strip()
    pattern = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
    position = 0
    while position < len(rest):
        match = pattern.match(rest, position)
        if match is None:
            break
        total += float(match[1]) * _SECONDS[match[2]]
        position = match.end()
    if not rest or position != len(rest):
        raise ConditionFault(f"`{text}` is not a duration like 90s, 5m or 1h30m", position + 1)
    return total


def clock_minutes(text: str) -> int:
    """Minutes of the day of `22:00`; `24:00` is 1440."""
    hours, minutes = text.split(":")
    value = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or value > 1440:
        raise ConditionFault(f"`{text}` is not a time of day", 1)
    return value


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int
    value: Any = None


def _tokens(text: str) -> list[_Token]:
    out: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConditionFault(f"`{text[at]}` has no meaning here", at + 1)
        kind = match.lastgroup or ""
        word = match[0]
        if match["clock"] is not None:
            out.append(_Token("clock", word, at + 1, clock_minutes(word)))
        elif match["number"] is not None:
            if match["unit"]:
                out.append(_Token("duration", word, at + 1, float(match["number"]) * _SECONDS[match["unit"]]))
            else:
                number = float(match["number"])
                out.append(_Token("number", word, at + 1, int(number) if number.is_integer() else number))
        elif match["text"] is not None:
            out.append(_Token("text", word, at + 1, word[1:-1]))
        elif kind != "space":
            out.append(_Token(kind, word, at + 1))
        at = match.end()
    out.append(_Token("end", "", len(text) + 1))
    return out


# -------------------------------------------------------------------------------------------- tree


@dataclass(slots=True)
class _Node:
    """A part of the tree with its closure; `support` says what its result rests on."""

    value: Closure
    type: Type
    position: int
    support: Callable[[Any, bool], tuple[Support, ...]]
    grows: bool = False
    constant: bool = False
    reads: frozenset[str] | None = frozenset()
    """Quantities whose news can change it, besides time; None when something else can."""
    timed: bool = False
    """Time can."""
    parts: tuple[_Node, ...] = ()
    """Of `and` and `or`, in the order in which they are asked."""
    stop: bool = False
    """The answer of a part at which the others are not asked: True for `or`."""
    counted: bool = False
    """A number of devices, each with a support of its own: a comparison rests on no more of them than it takes."""

    def rests(self, by_time: bool) -> frozenset[str] | None:
        """What it rests on, whatever it is."""
        return self.reads if by_time or not self.timed else None

    def judge(self, by_time: bool) -> Judge:
        """What gives its value and, where that is false, what it rests on (`Compiled.judge`)."""
        if not self.parts:
            ask, rests = self.value, self.rests(by_time)
            return lambda view: (ask(view), rests)
        return _judge_any(self.parts, by_time) if self.stop else _judge_all(self.parts, by_time)


MARKED: Final = frozenset({"lost", "unheard", "pulseless", "poor"})
"""Functions that say nothing while the samples have no mark that something began (`rules.samples.is_marked`)."""
STANDING: Final = MARKED | {"triggered"}
"""Functions that only news of the quantity they are given changes; those about samples are asked at each report of a
belt that may change them (`Function.sampled`)."""
TIMED: Final = frozenset({"between", "held", "known"})
"""As `STANDING`, but time changes them as well, at a moment that they tell the view and that only such news moves."""


def _reads(nodes: Iterable[_Node]) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for node in nodes:
        if node.reads is None:
            return None
        found |= node.reads
    return found


def _joined(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


def _judge_all(parts: Iterable[_Node], by_time: bool) -> Judge:
    """Of `and`: it is false by the parts up to the first false one, and by what makes that one false."""
    steps: list[tuple[Closure, Judge | None, frozenset[str] | None, frozenset[str] | None]] = []
    before: frozenset[str] | None = frozenset()
    for part in parts:
        through = _joined(before, part.rests(by_time))
        steps.append((part.value, part.judge(by_time) if part.parts else None, before, through))
        before = through

    def judge(view: Any) -> tuple[bool | None, frozenset[str] | None]:
        result: bool | None = True
        for ask, deeper, earlier, rests in steps:
            if deeper is None:
                found = ask(view)
                why = rests
            else:
                found, why = deeper(view)
                if found is False:
                    why = _joined(earlier, why)
            if found is False:
                return False, why
            if found is None:
                result = None
        return result, None

    return judge


def _judge_any(parts: Iterable[_Node], by_time: bool) -> Judge:
    """Of `or`: it is false by all its parts."""
    steps: list[tuple[Closure, Judge | None]] = []
    plain: frozenset[str] | None = frozenset()
    for part in parts:
        steps.append((part.value, part.judge(by_time) if part.parts else None))
        if not part.parts:
            plain = _joined(plain, part.rests(by_time))

    def judge(view: Any) -> tuple[bool | None, frozenset[str] | None]:
        result: bool | None = False
        rests = plain
        for ask, deeper in steps:
            if deeper is None:
                found = ask(view)
            else:
                found, why = deeper(view)
                if found is False:
                    rests = _joined(rests, why)
            if found is True:
                return True, None
            if found is None:
                result = None
        return result, rests

    return judge


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _nothing(_view: Any, _want: bool) -> tuple[Support, ...]:
    return ()


class _Parser:
    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.tokens = _tokens(text)
        self.index = 0
        self.own: set[str] = set()
        self.wide: set[str] = set()
        self.functions: set[str] = set()
        self.mosts: list[Most] = []

    @property
    def here(self) -> _Token:
        return self.tokens[self.index]

    def take(self) -> _Token:
        token = self.tokens[self.index]
        self.index += 1
        return token

    def at(self, *texts: str) -> bool:
        return self.here.kind in ("op", "name") and self.here.text in texts

    def expect(self, text: str) -> None:
        if not self.at(text):
            found = f"`{self.here.text}`" if self.here.text else "the end"
            raise ConditionFault(f"`{text}` expected, found {found}", self.here.position)
        self.take()

    # or > and > not > comparison > sum > atom

    def disjunction(self) -> _Node:
        parts = [self.conjunction()]
        while self.at("or"):
            self.take()
            parts.append(self.conjunction())
        return _junction(parts, stop=True) if len(parts) > 1 else parts[0]

    def conjunction(self) -> _Node:
        parts = [self.negation()]
        while self.at("and"):
            self.take()
            parts.append(self.negation())
        return _junction(parts, stop=False) if len(parts) > 1 else parts[0]

    def negation(self) -> _Node:
        if not self.at("not"):
            return self.comparison()
        position = self.take().position
        inner = _truth(self.negation())
        ask, support = inner.value, inner.support

        def value(view: Any) -> bool | None:
            found = ask(view)
            return None if found is None else not found

        return _Node(
            value,
            Type.bool,
            position,
            lambda view, want: support(view, not want),
            reads=inner.reads,
            timed=inner.timed,
        )

    def comparison(self) -> _Node:
        left = self.sum()
        if self.at("in"):
            return self.membership(left)
        if not self.at(*_COMPARE):
            return left
        op = self.take()
        right = self.sum()
        if left.grows and right.grows:
            raise ConditionFault("two times that grow cannot be compared", op.position)
        if right.grows:
            left, right = right, left
            op = _Token("op", {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op.text, op.text), op.position)
        ordered = op.text not in ("==", "!=")
        if Type.any not in (left.type, right.type) and left.type is not right.type:
            raise ConditionFault(f"{left.type} cannot be compared with {right.type}", op.position)
        if ordered and left.type not in (Type.number, Type.duration, Type.any):
            raise ConditionFault(f"`{op.text}` needs numbers or durations, not {left.type}", op.position)
        if left.grows and not ordered:
            raise ConditionFault("a time that grows is compared with < <= > >= only", op.position)
        compare = _COMPARE[op.text]
        a, b, sa, sb = left.value, right.value, left.support, right.support
        if left.grows:
            # `age(x) > 5m` is false until just after the fifth minute; the timer is set for that moment.
            late = 1 if op.text in (">", "<=") else 0

            def crossing(view: Any) -> bool | None:
                x, y = a(view), b(view)
                if x is None or y is None:
                    return None
                if x <= y:
                    view.wake(view.now + round((y - x) * 1000) + late)
                return compare(x, y)

            value: Closure = crossing
        elif right.constant and not left.constant:

            def against_constant(view: Any) -> bool | None:
                x = a(view)
                return None if x is None else compare(x, b(view))

            value = against_constant
        else:

            def plain(view: Any) -> bool | None:
                x, y = a(view), b(view)
                return None if x is None or y is None else compare(x, y)

            value = plain
        return _Node(
            value,
            Type.bool,
            op.position,
            _enough(sa, b, op.text)
            if left.counted
            else lambda view, want: (*sa(view, want), *sb(view, want)),
            reads=_reads((left, right)),
            timed=left.timed or right.timed,
        )

    def membership(self, left: _Node) -> _Node:
        position = self.take().position
        self.expect("(")
        words: list[str] = []
        while True:
            token = self.take()
            if token.kind != "text":
                raise ConditionFault('a list holds texts like ("kitchen", "living")', token.position)
            words.append(token.value)
            if not self.at(","):
                break
            self.take()
        self.expect(")")
        if left.type not in (Type.text, Type.any):
            raise ConditionFault(f"`in` needs a text on its left, not {left.type}", position)
        members, ask = frozenset(words), left.value

        def value(view: Any) -> bool | None:
            found = ask(view)
            return None if found is None else found in members

        return _Node(value, Type.bool, position, left.support, reads=left.reads, timed=left.timed)

    def sum(self) -> _Node:
        left = self.atom()
        while self.at("+", "-"):
            op = self.take()
            right = self.atom()
            if left.type is not right.type or left.type not in (Type.number, Type.duration):
                raise ConditionFault(f"`{op.text}` needs two numbers or two durations", op.position)
            if left.grows or right.grows:
                raise ConditionFault("a time that grows cannot be part of a sum", op.position)
            combine = operator.add if op.text == "+" else operator.sub
            a, b, sa, sb = left.value, right.value, left.support, right.support

            def value(view: Any, *, a: Closure = a, b: Closure = b, combine: Any = combine) -> Any:
                x, y = a(view), b(view)
                return None if x is None or y is None else combine(x, y)

            def support(view: Any, want: bool, *, sa: Any = sa, sb: Any = sb) -> tuple[Support, ...]:
                return (*sa(view, want), *sb(view, want))

            left = _Node(
                value,
                left.type,
                op.position,
                support,
                constant=left.constant and right.constant,
                reads=_reads((left, right)),
                timed=left.timed or right.timed,
            )
        return left

    def atom(self) -> _Node:
        token = self.take()
        match token.kind:
            case "number" | "duration" | "text" | "clock":
                constant = token.value
                return _Node(
                    lambda _view: constant, Type(token.kind), token.position, _nothing, constant=True
                )
            case "op" if token.text == "(":
                inner = self.disjunction()
                self.expect(")")
                return inner
            case "name":
                return self.name(token)
        found = f"`{token.text}`" if token.text else "the end"
        raise ConditionFault(f"a value expected, found {found}", token.position)

    def name(self, token: _Token) -> _Node:
        word = token.text
        if word in ("true", "false"):
            truth = word == "true"
            return _Node(lambda _view: truth, Type.bool, token.position, _nothing, constant=True)
        if word in ("and", "or", "not", "in"):
            raise ConditionFault(f"a value expected, found `{word}`", token.position)
        if self.at("("):
            return self.call(token)
        if word in self.scope.parameters:
            return _Node(
                lambda view: view.limits[word],
                self.scope.parameters[word],
                token.position,
                _nothing,
                constant=True,
            )
        if word in WORDS:
            return _Node(lambda view: view.word(word), WORDS[word], token.position, _nothing)
        if word in self.scope.quantities:
            self.own.add(word)
            support = (Support(word),)
            return _Node(
                lambda view: view.get(word),
                self.scope.quantities[word],
                token.position,
                lambda _v, _w: support,
                reads=frozenset((word,)),
            )
        raise ConditionFault(f"`{word}` is neither a quantity nor a parameter of this rule", token.position)

    def fixed(self, function: str, wanted: Type) -> _Node:
        """An argument that does not change by itself: a value or a parameter."""
        node = self.sum()
        if node.type is not wanted:
            raise ConditionFault(f"`{function}` needs a {wanted} here, not {node.type}", node.position)
        if not node.constant:
            raise ConditionFault(f"`{function}` needs a fixed value or a parameter here", node.position)
        return node

    def sample(self, function: str) -> str:
        name = self.take()
        if name.kind != "name" or name.text not in SAMPLED:
            raise ConditionFault(f"`{function}` looks at {' or '.join(SAMPLED)}", name.position)
        return name.text

    def sample_test(self, function: str, quantity: str) -> tuple[str, str, Closure]:
        op = self.take()
        if op.text not in ("<", "<=", ">", ">="):
            raise ConditionFault(f"`{function}` needs a comparison by < <= > >=", op.position)
        return quantity, op.text, self.fixed(function, Type.number).value

    def call(self, token: _Token) -> _Node:
        function = FUNCTIONS.get(token.text)
        if function is None:
            raise ConditionFault(
                f"there is no function `{token.text}`; there are {', '.join(sorted(FUNCTIONS))}",
                token.position,
            )
        self.expect("(")
        missing = [name for name in function.needs if name not in self.scope.parameters]
        if missing:
            raise ConditionFault(
                f"`{token.text}` needs the parameter `{missing[0]}` in this rule", token.position
            )
        args: list[Closure] = []
        quantity: str | None = None
        rooms: list[str] = []
        asked_of: tuple[str, str, Closure] | None = None
        place = 0
        while not self.at(")"):
            wanted = function.args[place] if place < len(function.args) else function.rest
            place += 1
            if wanted is None:
                raise ConditionFault(
                    f"`{token.text}` takes {len(function.args)} arguments", self.here.position
                )
            if wanted in ("sample", "samples"):
                quantity = self.sample(token.text)
                args.append(_constant(quantity))
                if wanted == "samples":
                    asked_of = self.sample_test(token.text, quantity)
                    args += [_constant(asked_of[1]), asked_of[2]]
            elif wanted == "quantity":
                name = self.take()
                if name.kind != "name" or name.text not in self.scope.quantities:
                    raise ConditionFault(f"`{name.text}` is not a quantity", name.position)
                quantity = name.text
                args.append(_constant(quantity))
            elif wanted == "parameter":
                name = self.take()
                if self.scope.parameters.get(name.text) is not Type.duration:
                    raise ConditionFault(
                        f"`{token.text}` needs a duration of `parameters:` here, not `{name.text}`",
                        name.position,
                    )
                args.append(_constant(name.text))
            elif wanted in HABITS:
                args.append(_constant(self.habit(token.text, HABITS[wanted])))
            else:
                node = self.fixed(token.text, Type(wanted))
                if wanted == "text":
                    rooms.append(node.value(None))
                args.append(node.value)
            if not self.at(")"):
                self.expect(",")
        self.take()
        if place < len(function.args):
            raise ConditionFault(f"`{token.text}` needs {len(function.args)} arguments", token.position)
        self.functions.add(token.text)
        self.wide.update(function.wide)
        self.wide.update(function.woken_by)
        supports: list[Support] = [Support(q, wide=True, rooms=tuple(rooms)) for q in function.wide]
        if asked_of is not None:
            self.mosts.append(Most(*asked_of, args[-1]))
        if quantity is not None:
            if not function.sampled:
                (self.wide if function.wide_argument else self.own).add(quantity)
            supports.insert(0, Support(quantity, wide=function.wide_argument))
        supports += [Support(q) for q in function.rests_on]
        found = tuple(supports)
        # That nothing moved is shown by sensors that are alive (`alive`), not by any that kept still.
        nothing = tuple(s for s in found if s.quantity not in function.wide)
        name_, asked = token.text, tuple(args)

        def named(view: Any, want: bool) -> tuple[Support, ...]:
            if not want:
                return ()
            told: tuple[Evidence, ...] = view.prove(name_, tuple(ask(view) for ask in asked))
            return tuple(Support(e.quantity, told=e) for e in told)

        return _Node(
            _calling(name_, asked),
            function.gives,
            token.position,
            named if function.proves else lambda _v, want: found if want else nothing,
            grows=function.grows,
            counted=name_ in COUNTED,
            reads=frozenset((quantity,) if quantity is not None else ())
            if name_ in STANDING | TIMED
            else None,
            timed=name_ in TIMED,
        )

    def habit(self, function: str, known: tuple[str, ...]) -> str:
        token = self.take()
        word = token.value if token.kind == "text" else token.text
        if token.kind != ("name" if word in VITALS else "text") or word not in known:
            names = ", ".join(n if n in VITALS else f'"{n}"' for n in known)
            raise ConditionFault(f"`{function}` knows {names}, not `{token.text}`", token.position)
        return str(word)


COUNTED: Final = frozenset({"said"})
"""Functions that give a number of devices and prove each of them."""


def _enough(
    support: Callable[[Any, bool], tuple[Support, ...]], limit: Closure, op: str
) -> Callable[[Any, bool], tuple[Support, ...]]:
    """Of a number of devices that is at least so large: as many of them as it takes."""

    def found(view: Any, want: bool) -> tuple[Support, ...]:
        needed = limit(view) + (1 if op == ">" else 0)
        return support(view, want)[: int(needed)] if op in (">", ">=") else support(view, want)

    return found


def _calling(name: str, asked: tuple[Closure, ...]) -> Closure:
    """Ask the view for a function; by the number of arguments, because this is asked most often of all."""
    match asked:
        case ():
            return lambda view: view.call(name, ())
        case (one,):
            return lambda view: view.call(name, (one(view),))
        case (one, two):
            return lambda view: view.call(name, (one(view), two(view)))
    return lambda view: view.call(name, tuple(ask(view) for ask in asked))


def _constant(value: Any) -> Closure:
    return lambda _view: value


def _needs(node: _Node, wanted: Type) -> None:
    if node.type is not wanted and not (wanted is Type.bool and node.type is Type.any):
        raise ConditionFault(f"true or false needed here, not {node.type}", node.position)


def _truth(node: _Node) -> _Node:
    """The node as true, false or unknown: a fault code or a press word counts as true."""
    _needs(node, Type.bool)
    if node.type is not Type.any:
        return node
    ask = node.value

    def value(view: Any) -> bool | None:
        found = ask(view)
        return None if found is None else bool(found)

    return _Node(value, Type.bool, node.position, node.support, reads=node.reads, timed=node.timed)


def _junction(parts: list[_Node], *, stop: bool) -> _Node:
    """`or` (stop at the first True) and `and` (stop at the first False), both with unknown."""
    parts = [_truth(part) for part in parts]
    asks = tuple(p.value for p in parts)

    def value(view: Any) -> bool | None:
        result: bool | None = not stop
        for ask in asks:
            found: bool | None = ask(view)
            if found is stop:
                return stop
            if found is None:
                result = None
        return result

    def support(view: Any, want: bool) -> tuple[Support, ...]:
        if want is stop:  # one part is enough
            for part in parts:
                if part.value(view) is stop:
                    return part.support(view, want)
            return ()
        return tuple(s for part in parts for s in part.support(view, want))

    return _Node(
        value,
        Type.bool,
        parts[0].position,
        support,
        reads=_reads(parts),
        parts=tuple(parts),
        stop=stop,
        timed=any(p.timed for p in parts),
    )


def compile_condition(text: str, scope: Scope, *, wanted: Type = Type.bool) -> Compiled:
    """Check and compile an expression. Raises ConditionFault with the reason and the position."""
    parser = _Parser(text, scope)
    node = parser.disjunction()
    if parser.here.kind != "end":
        raise ConditionFault(f"`{parser.here.text}` is left over", parser.here.position)
    if wanted is Type.bool:
        node = _truth(node)
    elif node.type is not wanted:
        raise ConditionFault(f"a {wanted} is needed, this is {node.type}", node.position)
    return Compiled(
        node.value, node.type, text, frozenset(parser.own), frozenset(parser.wide), frozenset(parser.functions),
        node.support, tuple(parser.mosts), node.judge,
    )  # fmt: skip
