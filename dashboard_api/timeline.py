"""What happened to a case, in words: the log of its transitions → its timeline, oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta, tzinfo
from typing import Any, assert_never

import msgspec

from alerts import codes, texts
from alerts.events import (
    Accepted,
    Acknowledged,
    Arrived,
    Called,
    Checked,
    Closed,
    Declined,
    DeliveryReported,
    DeliveryState,
    Departed,
    Dispatched,
    Escalated,
    Event,
    FindingChanged,
    FindingCleared,
    FindingUnknown,
    HandedOver,
    Held,
    HoldEnded,
    Joined,
    LevelLowered,
    LevelRaised,
    NobodyThere,
    Noted,
    Raised,
    Reminded,
    Reopened,
    Resumed,
    Told,
    Transition,
    Undone,
    Vouched,
)
from care.ids import iso
from dashboard_api import wording
from dashboard_api.present import Names

_CALL_WORDS = {
    "answered": "接通",
    "no_answer": "无人接",
    "busy": "占线",
    "refused": "拒接",
    "wrong_number": "空号",
}
_CHECK_WORDS = {"safe": "平安", "no_answer": "未联系上", "visit": "需上门"}
_DELIVERY_WORDS = {
    DeliveryState.accepted: "消息已送达通道",
    DeliveryState.refused: "消息被拒",
    DeliveryState.failed: "消息未发出",
    DeliveryState.queued: "消息重试中",
    DeliveryState.skipped: "消息不再需要",
}
_COMMAND_WORDS = {"acknowledge": "接警", "close": "结案"}


def _event_words(event: Event, name: Names) -> str:
    match event:
        case Raised():
            return f"告警：{event.title.get('zh', event.code)}"
        case Joined():
            return f"并入：{event.finding.title.get('zh', event.finding.code)}"
        case FindingChanged():
            return f"更新：{event.finding.title.get('zh', event.finding.code)}"
        case FindingCleared():
            return f"现场恢复：{event.finding.title.get('zh', event.finding.code)}"
        case FindingUnknown():
            return f"无法判断：{event.finding.title.get('zh', event.finding.code)}"
        case LevelLowered():
            return f"降级（出现相反的迹象）：{event.title.get('zh', event.code)}"
        case LevelRaised(reason="not_confirmed"):
            return f"没有人确认是测试，按真实告警处理：{event.title.get('zh', event.code)}"
        case LevelRaised():
            return f"升级：{event.title.get('zh', event.code)}"
        case Escalated():
            late = f"，晚 {wording.duration(event.late_seconds)}" if event.late_seconds >= 1 else ""
            return f"{'到场超时，' if event.promise_broken else ''}升级到第 {event.step} 级{late}"
        case Reminded():
            return f"第 {event.nth} 次再提醒"
        case NobodyThere():
            return f"第 {event.step} 级无人可通知"
        case Told():
            people = "、".join(dict.fromkeys(name(d.person) for d in event.deliveries))
            return f"通知 {people}"
        case Resumed():
            return f"重新响铃：{texts.resumed_words(event.reason)}"
        case Acknowledged():
            return f"{name(event.by)} 接警"
        case Called():
            to = "家中" if event.to == "home" else name(event.to)
            return f"{name(event.by)} 拨打{to}：{_CALL_WORDS.get(event.result, event.result)}"
        case Dispatched():
            return f"{name(event.by)} 派 {'、'.join(name(r) for r in event.responders)}"
        case Accepted():
            return f"{name(event.who)} {'同去' if event.companion else '接受'}{_noted_by(event, name)}"
        case Declined():
            return f"{name(event.who)} 去不了{_noted_by(event, name)}"
        case Departed():
            return f"{name(event.who)} 出发{_noted_by(event, name)}"
        case Arrived(card=True):
            return f"{name(event.who)} 凭门卡确认到场{_noted_by(event, name)}"
        case Arrived():
            return f"{name(event.who)} 到场{_noted_by(event, name)}"
        case HandedOver():
            return f"{name(event.who)} 交接给 {name(event.to)}"
        case Checked():
            return f"{name(event.by)} 核实 {name(event.home)}：{_CHECK_WORDS.get(event.result, event.result)}"
        case Vouched():
            return f"{name(event.who)} 说人在身边，平安{_noted_by(event, name)}"
        case Noted():
            return f"{name(event.by)} 备注"
        case Held():
            return f"{name(event.by)} 暂缓"
        case HoldEnded():
            return "暂缓结束"
        case Reopened():
            return f"{name(event.by) if event.by else '系统'} 重新打开"
        case Undone(command="release"):
            return f"{name(event.by)} 放回待接{'：' + event.reason if event.reason else ''}"
        case Undone():
            return f"{name(event.by)} 撤回{_COMMAND_WORDS.get(event.command, event.command)}"
        case Closed():
            words = codes.word("outcome", event.outcome.outcome) if event.outcome.outcome else ""
            return f"{name(event.by) if event.by else '系统'} 结案{'：' + words if words else ''}"
        case DeliveryReported():
            return _DELIVERY_WORDS.get(event.state, event.state.value)
        case _:
            assert_never(event)


TOLD_LATER = timedelta(seconds=20)
"""A step told so much later says when it was told as well; before, it was only a slow network."""


def _noted_by(event: Accepted | Declined | Departed | Arrived | Vouched, name: Names) -> str:
    """Who wrote it down, where it was somebody else: the history must not show a tap that nobody made."""
    return "" if not event.by or event.by == event.who else f"（{name(event.by)} 记录）"


def events_json(log: Iterable[Transition], name: Names, zone: tzinfo = UTC) -> list[dict[str, Any]]:
    """A case's whole timeline, oldest first; a step told later stands where it was done."""
    out: list[dict[str, Any]] = []
    for change in log:
        for event in change.events:
            fields = msgspec.to_builtins(event)
            fields = {k: v for k, v in fields.items() if k not in ("at", "type", "finding", "answer", "plan")}
            finding = getattr(event, "finding", None)
            if isinstance(finding, str):  # of a case that was lowered: the name of what was contradicted
                fields["finding"] = finding
            elif finding is not None:
                fields["finding"] = finding.finding
                fields["code"] = finding.code
                fields["device"] = finding.device
            if isinstance(event, Told):
                fields["deliveries"] = [
                    {
                        "id": d.id,
                        "person": d.person,
                        "name": name(d.person),
                        "channel": d.channel,
                        "step": d.step,
                        "reason": d.reason.value,
                    }
                    for d in event.deliveries
                ]
            by = getattr(event, "by", None)
            words = _event_words(event, name)
            if isinstance(event, Dispatched):
                asked = {d.person for d in change.deliveries}
                untold = [name(r) for r in event.responders if r not in asked]
                if untold:
                    words += f"（{'、'.join(untold)} 没有可用的消息通道，请打电话）"
            item = {
                "at": iso(event.at),
                "type": type(event).__struct_config__.tag,
                "version": change.version,
                "words": words,
                **{k: v for k, v in fields.items() if k not in ("version", "done_at")},
                "by": by,
                "by_name": name(by) if by else None,
            }
            place = len(out)
            if (
                isinstance(event, Accepted | Departed | Arrived | Checked)
                and event.at - event.when >= TOLD_LATER
            ):
                item |= {"at": iso(event.when), "told_at": iso(event.at)}
                item["words"] += f"（{event.at.astimezone(zone):%H:%M} 收到）"
                while place > 0 and out[place - 1]["at"] > item["at"]:
                    place -= 1
            out.insert(place, item)
    return out
