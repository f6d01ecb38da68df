"""The Chinese words of the screens for what the site file says in English, with the English beside them. Pure."""

from __future__ import annotations

from datetime import timedelta

from care.messages import DeviceHealth, HomeHealth
from care.site import Device, Resident
from care.words import Kind, Role, Tier
from devices.kinds import KINDS

ROOMS: dict[str, str] = {
    "kitchen": "厨房",
    "bedroom": "卧室",
    "living": "客厅",
    "living_room": "客厅",
    "bathroom": "卫生间",
    "toilet": "卫生间",
    "hall": "门厅",
    "entrance": "门口",
    "door": "门口",
    "balcony": "阳台",
    "dining": "餐厅",
    "study": "书房",
    "corridor": "过道",
}

ROLES: dict[Role, str] = {
    Role.operator: "值班员",
    Role.supervisor: "值班组长",
    Role.social_worker: "社工",
    Role.volunteer: "志愿者",
    Role.grid_worker: "网格员",
    Role.neighbour: "邻居",
    Role.doctor: "社区医生",
    Role.maintenance: "维修员",
    Role.family: "家属",
    Role.admin: "管理员",
    Role.auditor: "审计员",
    Role.responder: "响应人员",
}

TIERS: dict[Tier, str] = {Tier.key: "重点", Tier.important: "重要", Tier.general: "一般"}

PROTECTION: dict[str, str] = {"protected": "完好", "partly": "部分", "not": "无"}

REASONS: dict[str, str] = {
    "never_reported": "从未上报",
    "silent": "失联",
    "offline": "离线",
    "fault": "故障",
    "tamper": "被拆动",
    "battery": "电量低",
    "doubtful": "读数不可信",
    "untold": "从未报过状态，请按测试键确认",
    "out_of_service": "停用",
}
"""Why a device does not protect (care.messages.DeviceHealth)."""
REASONS_EN: dict[str, str] = {
    "never_reported": "never heard",
    "silent": "silent",
    "offline": "offline",
    "fault": "fault",
    "tamper": "tampered with",
    "battery": "battery low",
    "doubtful": "readings in doubt",
    "untold": "has never told its state: press its test key",
    "out_of_service": "out of service",
}

PATHS: dict[str, str] = {
    "call": "呼救",
    "fire": "火情",
    "gas": "燃气",
    "fall": "跌倒",
    "water": "漏水与用水",
    "bed": "床上",
    "door": "出门",
    "movement": "活动",
}
"""Ways from a hazard to a person (care.messages.HomeHealth.paths)."""

PATHS_EN: dict[str, str] = {
    "call": "calling for help",
    "fire": "fire",
    "gas": "gas",
    "fall": "falls",
    "water": "leaks and water use",
    "bed": "the bed",
    "door": "leaving home",
    "movement": "movement",
}
PATH_OF: dict[Kind, str] = {
    Kind.sos: "call",
    Kind.smoke: "fire",
    Kind.gas: "gas",
    Kind.co: "gas",
    Kind.fall: "fall",
    Kind.water_leak: "water",
    Kind.water_meter: "water",
    Kind.bed_belt: "bed",
    Kind.door: "door",
    Kind.motion: "movement",
    Kind.presence: "movement",
}
"""The way that a kind of device is on, as the rules count it."""
HAZARDS = frozenset({"fire", "gas", "fall", "water"})
"""Ways that guard against something; the others watch something."""


def path_of(kind: str) -> str:
    """The way that a kind of device is on; a button is a way to call."""
    return "call" if kind == Kind.button else {k.value: p for k, p in PATH_OF.items()}.get(kind, "")


def left_alone(health: HomeHealth, device: DeviceHealth) -> tuple[str, str] | None:
    """What nothing in the home guards against while this device does not, in both languages; None: something does."""
    path = path_of(device.kind)
    if not path or any(not d.reason for d in health.devices if path_of(d.kind) == path):
        return None
    if path == "call":
        return "此户无法呼救", "nobody can call for help from here"
    return (
        f"{PATHS[path]}无设备看护",
        f"nothing guards against {PATHS_EN[path]}"
        if path in HAZARDS
        else f"nothing watches {PATHS_EN[path]}",
    )


UNPROTECTED: dict[str, str] = {
    "gateway": "全户失联（网关、网络或停电）",
    "no_call": "求助按钮全部不可用",
    "nothing": "没有一台设备有消息",
}
"""Why a home is not protected at all (care.messages.HomeHealth.reason)."""
UNPROTECTED_EN: dict[str, str] = {
    "gateway": "the whole home is silent (gateway, network or power)",
    "no_call": "no call button works",
    "nothing": "no device is heard",
}
TOOK: dict[str, str] = {
    **REASONS,
    "gateway": "全户失联",
    "not_fitted": "没有求助按钮",
    "nothing": "没有一台设备有消息",
    "resting": "规则暂停",
    "service": "服务没有在判断",
}
"""What took hours of protection (care.messages.Guarded.cause, and `service` of the unknown)."""
TOOK_EN: dict[str, str] = {
    **REASONS_EN,
    "gateway": "whole home silent",
    "not_fitted": "no call button",
    "nothing": "no device heard",
    "resting": "rules rested",
    "service": "the service was not judging",
}
NO_BUTTON = ("没有求助按钮", "no call button")
NO_DEVICES = ("没有装设备", "no devices")
RESTING = ("部分规则暂停，系统自检中", "some rules rest while the system checks itself")
NOT_JUDGED = ("尚无判断", "not judged yet")

CATEGORY: dict[str, str] = {"red": "应急响应", "yellow": "健康提醒", "blue": "基础服务"}
"""What a wall may say of a yellow or blue case."""

TAGS: dict[str, tuple[str, str, bool]] = {
    # What changes the first step comes first and is strong.
    "hard_of_hearing": ("听力下降，多等铃", "hard of hearing: let it ring", True),
    "deaf": ("听不见电话，直接派人", "deaf: send somebody", True),
    "no_phone": ("没有电话，直接派人", "no phone: send somebody", True),
    "dialect": ("讲宁波话", "speaks Ningbo dialect", True),
    "dialect_only": ("只讲宁波话", "speaks dialect only", True),
    "mute": ("不能说话", "cannot speak", True),
    "dementia": ("失智", "dementia", True),
    "oxygen": ("家中吸氧，严禁明火", "oxygen at home: no flame", True),
    "bedridden": ("卧床，不能自行撤离", "bedridden: cannot leave alone", True),
    "wheelchair": ("坐轮椅", "wheelchair", True),
    "mobility": ("行动不便", "walks badly", True),
    "limited_mobility": ("行动不便", "walks badly", True),
    "walking_aid": ("用助行器", "walking aid", False),
    "walker": ("用助行器", "walking aid", False),
    "blind": ("看不见", "blind", True),
    "low_vision": ("视力差", "low vision", False),
    "fall_risk": ("易跌倒", "falls easily", True),
    "epilepsy": ("癫痫", "epilepsy", True),
    "hoarding": ("屋内堆物多", "cluttered flat", True),
    "dog": ("家里有狗", "dog", True),
    "lives_alone": ("独居", "lives alone", False),
    "lives_with_spouse": ("与老伴同住", "lives with spouse", False),
    "empty_nest": ("空巢", "children away", False),
    "pet": ("有宠物", "pet", False),
    "smoker": ("吸烟", "smokes", False),
    "incense": ("家中烧香", "burns incense", False),
    "copd": ("慢阻肺", "COPD", False),
    "atrial_fibrillation": ("房颤", "atrial fibrillation", False),
    "af": ("房颤", "atrial fibrillation", False),
    "hypertension": ("高血压", "hypertension", False),
    "diabetes": ("糖尿病", "diabetes", False),
    "heart": ("心脏病", "heart disease", False),
    "heart_disease": ("心脏病", "heart disease", False),
    "heart_failure": ("心衰", "heart failure", False),
    "stroke": ("中风史", "stroke", False),
    "pacemaker": ("装心脏起搏器", "pacemaker", False),
    "beta_blocker": ("服用降心率药", "beta blocker", False),
    "parkinson": ("帕金森", "Parkinson's", False),
    "post_discharge": ("刚出院", "just discharged", False),
    "chair_sleeper": ("常在椅子上睡", "sleeps in a chair", False),
    "athlete": ("常年锻炼，心率偏低", "athlete: slow heart", False),
    "housebound": ("平时不出门", "does not go out", False),
    "night_exit": ("夜间会出门", "goes out at night", False),
    "wandering": ("会走失", "may get lost", True),
}
"""Flags and conditions of residents: the words, English, and whether they change what to do first."""

HEALTH_WORDS = frozenset(
    {
        "dementia", "oxygen", "bedridden", "epilepsy", "copd", "atrial_fibrillation", "af", "hypertension", "diabetes", "heart",
        "heart_disease", "heart_failure", "stroke", "pacemaker", "beta_blocker", "parkinson", "post_discharge",
        "hard_of_hearing", "deaf", "mute", "blind", "low_vision", "fall_risk", "mobility", "limited_mobility",
        "wheelchair", "walking_aid", "walker", "athlete", "housebound", "wandering",
    }
)  # fmt: skip
"""Those that say something of somebody's health."""


def room(name: str | None) -> str:
    """A room in Chinese; an unknown one as it was written."""
    if not name:
        return ""
    return ROOMS.get(name.strip().lower().replace(" ", "_"), name)


def room_en(name: str | None) -> str:
    """A room in English: as the site file says it, without its underscores."""
    return name.strip().replace("_", " ") if name else ""


def device_label(device: Device) -> str:
    """「烟感 厨房」."""
    return device.label or f"{KINDS[device.kind].zh} {room(device.room)}".strip()


def device_label_en(device: Device) -> str:
    """`smoke detector, kitchen`; a label that somebody gave it stays as it is, as a name does."""
    words = [KINDS[device.kind].en, room_en(device.room)]
    return device.label or ", ".join(word for word in words if word)


def device_name_en(device: Device) -> str:
    """`smoke detector, kitchen · 老式烟感`: the kind in English first, whatever language its label is in."""
    words = [KINDS[device.kind].en, room_en(device.room)]
    kind = ", ".join(word for word in words if word)
    return f"{kind} · {device.label}" if device.label else kind


def device_labels(device: Device) -> tuple[str, str]:
    """Both of them."""
    return device_label(device), device_label_en(device)


def pictogram(kind: Kind) -> str:
    """Which picture a kind of device has; a button in a home calls for help."""
    return "sos" if kind is Kind.button else KINDS[kind].pictogram


def duration(seconds: float) -> str:
    """18 秒, 3 分钟, 1 小时 05 分, 2 天: as short as a glance can take."""
    left = max(0, round(seconds))
    if left < 60:
        return f"{left} 秒"
    minutes, _ = divmod(left, 60)
    if minutes < 60:
        return f"{minutes} 分钟"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} 小时 {minutes:02d} 分" if minutes else f"{hours} 小时"
    return f"{timedelta(hours=hours).days} 天"


def duration_en(seconds: float) -> str:
    """18 s, 3 min, 1 h 05 min, 2 days."""
    left = max(0, round(seconds))
    if left < 60:
        return f"{left} s"
    minutes = left // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    return f"{timedelta(hours=hours).days} days"


def tags(resident: Resident) -> list[dict[str, object]]:
    """What the desk must know of a person before it rings: strong ones first. Unknown words stay as written."""
    found: dict[tuple[bool, str, str], bool] = {}
    for name in [*resident.flags, *resident.conditions]:
        word, english, strong = TAGS.get(name, (name, name, False))
        # a word nobody knows may be a disease
        found.setdefault((strong, word, english), name in HEALTH_WORDS or name not in TAGS)
    ordered = sorted(found.items(), key=lambda t: not t[0][0])
    return [
        {"word": word, "en": english, "strong": strong, "health": health}
        for (strong, word, english), health in ordered
    ]


def masked(name: str) -> str:
    """周阿婆 → 周**: all that a wall may show of a name."""
    return f"{name[:1]}**" if name else ""
