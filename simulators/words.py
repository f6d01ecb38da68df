"""What a scenario is called and what happens in it, in both languages, for people who choose one from a list.

Start at `WORDS`: name → title and one sentence. The English sentence is the scenario's own (`Scenario.words`); here is
what it lacks. A test sees to it that no scenario is without words. `FAULTS` are the kinds of fault that can be switched.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """`zh` and `en` are the title, `what` is what happens, in Chinese."""

    zh: str
    en: str
    what: str


WORDS: dict[str, Words] = {
    "cooking_smoke": Words("烹饪油烟", "Smoke from cooking", "炒菜没开油烟机，45 秒后烟感报警，三分钟后烟散，无人受伤。"),
    "kitchen_fire": Words("厨房起火", "Kitchen fire", "油锅起火，浓烟，室温每分钟升高 8 ℃ 以上，老人逃出家门。"),
    "gas_leak": Words("燃气泄漏", "Gas leak", "汤溢出浇灭灶火，燃气浓度升到爆炸下限的四分之一以上，直到有人关阀。"),
    "night_fall": Words("夜间跌倒", "Fall at night", "夜里起床，跌倒在床边爬不起来：床空着，屋里没有动静。"),
    "bathroom_fall": Words("卫生间跌倒", "Fall in the bathroom", "在卫生间跌倒爬不起来，身上没有按钮：屋里再无动静，一个多小时后才有人来。"),
    "night_toilet": Words("起夜如厕", "Bathroom at night", "夜里起来上卫生间，七分钟后回床。不应当有告警。"),
    "wandering": Words("夜间走失", "Wandering", "夜里起床，开门出去，四十分钟没有回来。"),
    "not_up": Words("早晨未起", "Not up", "身体虚弱，早晨没有起床。"),
    "cardiac": Words("心跳骤快", "Racing heart", "卧床时心率升到 140 以上，持续七分钟。"),
    "breathing_stops": Words("呼吸停止", "Breathing stops", "呼吸停止两分钟，心跳还在。"),
    "belt_slips": Words("床带移位", "Belt slips", "床带滑开：显示在床，没有心率呼吸，人已在屋里走动。"),
    "sos": Words("紧急呼叫", "SOS", "感到头晕，按下紧急按钮。"),
    "sos_pocket": Words("误按按钮", "SOS by mistake", "打扫时误碰紧急按钮三次，应当只成一件。"),
    "leak": Words("水槽漏水", "Leak", "水槽下软管滴漏二十分钟。"),
    "tap_left_on": Words("忘关水龙头", "Tap left on", "水龙头开着两小时。"),
    "away": Words("全家外出", "Away", "全家去女儿家六小时。不应当有告警。"),
    "guests": Words("子女来访", "Guests", "子女来访两小时，走动多，开门几次。不应当有告警。"),
    "gateway_down": Words("网关断网", "Gateway down", "一户的网关断网四十分钟。"),
    "power_cut": Words("片区停电", "Power cut", "同楼和邻近各户停电半小时，应当合成一件。"),
    "battery_low": Words("烟感电量低", "Low battery", "烟感的电池快用完了。"),
    "virtual_smoke": Words("烟感误报", "False smoke", "烟感只发了一条报警消息，没有烟，也没有蜂鸣，40 秒后解除。"),
    "storm": Words("告警风暴", "Storm", "四十户同时断电又同时恢复，其间有人按下紧急按钮。"),
}  # fmt: skip

FAULTS: dict[str, Words] = {
    "loss": Words("丢失", "Loss", "消息到不了，按比例丢"),
    "duplicate": Words("重复", "Duplicates", "同一条消息几秒内来两次"),
    "reorder": Words("乱序", "Reordering", "消息晚到 1–10 秒，被后面的超过"),
    "delay": Words("延迟", "Delay", "每条消息都晚到"),
    "drift": Words("时钟偏差", "Clock drift", "一户的时钟不准，或快或慢"),
    "stuck": Words("数值卡死", "Stuck values", "设备一直重复同一个读数，时间照常走"),
    "gateway_cut": Words("网关断网", "Gateway cut", "一户的网关断网，直到恢复"),
    "power_cut": Words("整楼停电", "Power cut", "同一栋楼的各户都断电，直到恢复"),
    "broker_cut": Words(
        "消息入口断开", "Broker cut", "所有设备都连不上消息入口，直到恢复；其间的报警在恢复后补到"
    ),
    "push_busy": Words("推送：太忙 429", "Push: busy 429", "推送服务说太忙，请稍后再发，直到恢复"),
    "push_gone": Words("推送：地址失效 410", "Push: gone 410", "推送服务说这个地址已经失效，直到恢复"),
    "push_down": Words("推送：出错 500", "Push: error 500", "推送服务自己出错，直到恢复"),
    "push_slow": Words("推送：不答", "Push: silent", "推送服务收下连接，却迟迟不答，直到恢复"),
}
