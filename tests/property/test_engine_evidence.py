"""Alarms with proof: a finding names what made it, and nothing that did not.

What removing a piece of evidence means. Evidence names a device, a quantity and a moment. It stands for all that the
device said of this quantity from the onset of the episode up to the finding, and for the stretch of the same value
before it: a belt that has said "not in bed" every ten seconds for twenty minutes is one piece of evidence, not 120.
A number is measured against what it was before, so it stands for all that the device measured of it up to then.
Taken out of the input, the finding must be gone: the same episode does not reach that level by that time. It may come
later, lower, or under another onset. Where two things each suffice (a flat battery by its percentage and by its flag),
one is named, and without it the finding may stand on the other, which it then names. What was not said (silence) and
what was learnt over weeks cannot be taken out; that a sensor was alive (`alive`) is held against what it said.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.messages import Evidence, Finding, Report, Value
from care.site import Device, Home, Registry, Resident
from care.words import Kind, Phase
from devices.quantities import PRESSES, QUANTITIES
from rules.stories import Input, Story, run
from tests.told import ALL, BOOK

SPEAKING = [s for s in ALL if s.shows == "speaks"]


def proved(finding: Finding) -> bool:
    """Findings that rest on something said: an episode that opens or gets worse."""
    return finding.phase is Phase.opened or finding.reason == "level"


def without(story: Story, evidence: Evidence, finding: Finding) -> Story | None:
    """The story without this piece of evidence; None when it is nothing that was said."""
    said = [
        (i.report.at, i.report.values.get(evidence.quantity))
        for i in story.inputs
        if i.report is not None
        and i.report.device == evidence.device
        and evidence.quantity in {*i.report.values, *i.report.unknown}
        and i.report.at <= finding.at
    ]
    if evidence.at not in {at for at, _ in said}:
        return None
    since = evidence.at
    for at, value in sorted(said, key=lambda s: s[0], reverse=True):
        if at <= evidence.at:
            if value != evidence.value:
                break
            since = at
    if QUANTITIES[evidence.quantity].numeric:
        since = story.start
    elif evidence.quantity not in PRESSES:
        since = min(
            since, max(finding.onset_at, since if finding.onset_at > evidence.at else finding.onset_at)
        )

    def kept(given: Input) -> Input | None:
        report = given.report
        if report is None or report.device != evidence.device or not since <= report.at <= finding.at:
            return given
        if evidence.quantity in PRESSES and report.at != evidence.at:
            return given
        values = {q: v for q, v in report.values.items() if q != evidence.quantity}
        unknown = [q for q in report.unknown if q != evidence.quantity]
        if not values and not unknown and report.state is None:
            return None
        return replace(given, report=msgspec.structs.replace(report, values=values, unknown=unknown))

    return replace(story, inputs=tuple(k for i in story.inputs if (k := kept(i)) is not None))


def standing(findings: list[Finding], finding: Finding) -> Finding | None:
    """The same episode at this level by that time, by nothing but what the finding had named besides."""
    named = {(e.device, e.quantity) for e in finding.evidence}
    for f in findings:
        if (
            f.phase is not Phase.cleared
            and f.finding == finding.finding
            and f.level.rank >= finding.level.rank
            and f.at <= finding.at
            and {(e.device, e.quantity) for e in f.evidence} <= named
        ):
            return f
    return None


def is_gone(story: Story, evidence: Evidence, finding: Finding) -> bool:
    """Whether the finding is gone without this piece, or it is nothing that was said.

    "Somebody moved within the hour" rests on one movement. Without it an earlier one may do, and is named instead; that
    one is taken out as well, and so on, until nothing is left to stand on.
    """
    left, piece = without(story, evidence, finding), evidence
    if left is None:
        return True
    while left is not None:
        stands = standing(run(left, BOOK).findings, finding)
        if stands is None:
            return True
        earlier = [
            e
            for e in stands.evidence
            if (e.device, e.quantity) == (piece.device, piece.quantity) and e.at < piece.at
        ]
        if piece.quantity not in ("motion", "presence") or piece.value is not True or not earlier:
            return False
        piece = earlier[-1]
        left = without(left, piece, finding)
    return False


@pytest.mark.parametrize("story", SPEAKING, ids=lambda s: f"{s.rules[0]}: {s.name}")
def test_without_any_piece_of_its_evidence_a_finding_is_gone(story: Story) -> None:
    """See the module's docstring; and every finding that rests on something said names at least one thing."""
    findings = [f for f in run(story, BOOK).findings if f.rule in story.rules and proved(f)]
    assert findings
    for finding in findings:
        assert finding.evidence, f"{finding.rule} names no evidence"
        assert finding.rule_version == BOOK.rules[finding.rule].doc.version
        assert set(BOOK.rules[finding.rule].doc.parameters) <= set(finding.parameters)
        for evidence in finding.evidence:
            assert is_gone(story, evidence, finding), (
                f"{finding.rule} {finding.level} at {finding.at - story.start} stands without "
                f"{evidence.device} {evidence.quantity}={evidence.value} at {evidence.at - story.start}"
            )


def test_a_sensor_named_as_alive_spoke_as_its_kind_must() -> None:
    """That nobody moved rests on sensors that would have told: each was heard at the moment named, and not long ago."""
    seen = 0
    for story in SPEAKING:
        for finding in run(story, BOOK).findings:
            for evidence in finding.evidence:
                if evidence.quantity != "alive" or not proved(finding):
                    continue
                seen += 1
                said = {i.report.at for i in story.inputs if i.report and i.report.device == evidence.device}
                assert evidence.at in said, f"{finding.rule}: {evidence.device} said nothing at {evidence.at}"
                assert finding.at - evidence.at <= timedelta(hours=3), f"{finding.rule}: {evidence.device}"
    assert seen


NOISE = Home(
    id="elsewhere",
    residents=[Resident(id="stranger", name="别人")],
    devices=[
        Device(id="other-belt", kind=Kind.bed_belt, room="bedroom"),
        Device(id="other-pir", kind=Kind.motion, room="living"),
        Device(id="other-smoke", kind=Kind.smoke, room="kitchen"),
    ],
)
UNRELATED = st.lists(
    st.tuples(
        st.integers(0, 5400),
        st.sampled_from(
            [
                ("other-belt", {"in_bed": True, "heart_rate": 60, "respiration_rate": 14}),
                ("other-belt", {"in_bed": False}),
                ("other-pir", {"motion": True}),
                ("other-smoke", {"smoke": True}),
            ]
        ),
    ),
    max_size=12,
)


@given(st.sampled_from(SPEAKING), UNRELATED)
@settings(max_examples=40, deadline=None)
def test_what_has_nothing_to_do_with_it_changes_nothing(
    story: Story, noise: list[tuple[int, tuple[str, dict[str, Value]]]]
) -> None:
    """Another home's alarms, and a quantity of its own devices that no rule asks for: the findings are the same bytes."""
    site = story.registry.site
    if len(site.homes) > 1:
        return  # homes that go dark together are related
    home = site.homes[0]
    more: list[Input] = []
    for n, (seconds, (device, values)) in enumerate(noise):
        at = story.start + timedelta(seconds=seconds)
        report = Report(
            report_id=f"noise{n}", home="elsewhere", device=device, kind="x", at=at, received_at=at, device_at=at,
            values=values,
        )  # fmt: skip
        more.append(Input(at, 10_000 + n, report, series=True))
    shared = [i for i in story.inputs if i.report is not None and i.report.values and not i.report.test]
    humid = [
        replace(
            i,
            report=msgspec.structs.replace(
                i.report, values={**i.report.values, "humidity": 50 + i.order % 9}
            ),
        )
        for i in shared
        if i.report is not None
    ]
    known = {i.order: i for i in humid}
    inputs = tuple(
        sorted((*(known.get(i.order, i) for i in story.inputs), *more), key=lambda i: (i.at, i.order))
    )
    noisy = replace(
        story, registry=Registry(msgspec.structs.replace(site, homes=[home, NOISE])), inputs=inputs
    )
    plain = run(story, BOOK).findings
    heard = [f for f in run(noisy, BOOK).findings if f.home != "elsewhere"]
    assert msgspec.json.encode(heard) == msgspec.json.encode(plain)
