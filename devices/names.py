"""What a name that somebody gave to a value probably means: `kitchen_smoke_alarm`, `breathRate`, `心率`.

Start at `guess`. Used where a dialect has names of its own choice (ESPHome, SenML, Home Assistant, Tasmota) and by
`anxin devices learn`. It is a guess by a table of words; what is in no table is left alone, and settings, limits and
temperatures of the chip are not readings.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS: dict[str, str] = {
    "heart_rate": "heart_rate heartrate real_time_heart_rate hr bpm pulse pulse_rate heart_beat heartbeat_rate avg_heart_rate 心率",
    "respiration_rate": "respiration_rate respiratory_rate respiration breath_rate breathrate breathing_rate breathing breath rr "
    "resp_rate avg_breath_rate real_time_respiratory_rate real_time_breath_rate 呼吸率 呼吸",
    "in_bed": "in_bed inbed on_bed onbed bed_occupancy bed_occupied bed_presence is_in_bed bed_status 在床",
    "movement": "body_movement body_motion body_move movement_level movement activity_level 体动",
    "signal_quality": "signal_quality quality 信号质量",
    "bed_state": "bed_state mattress_state sleep_status",
    "smoke": "smoke fire_alarm fire_detected 火警 smoke_alarm smoke_detected smoke_detector smoke_state smoke_status smoke_sensor_status smoke_sensor_state "
    "smokealarm 烟雾 烟感",
    "smoke_level": "smoke_level smoke_value smoke_concentration smoke_density smoke_sensor_value 烟雾浓度",
    "gas": "gas gas_alarm gas_detected gas_leak gas_state gas_status gas_sensor_status gas_sensor_state combustible_gas natgas "
    "燃气 可燃气体",
    "gas_level": "gas_level gas_value gas_concentration gas_density gas_sensor_value gas_lel 燃气浓度",
    "co": "carbon_monoxide co_alarm co_detected co_state co_status co 一氧化碳",
    "co_level": "co_level co_ppm co_value co_concentration carbon_monoxide_level carbon_monoxide_value",
    "heat": "heat heat_alarm high_temperature_alarm hightempalarm 高温",
    "sos": "sos sos_button sos_state panic emergency emergency_call emergency_button call_button help_button help help_call nurse_call "
    "紧急呼叫 求助",
    "fall": "fall falling_information fallen falldown fall_down fall_detected fall_alarm fall_detection fall_status 跌倒",
    "action": "action click button_action button_event",
    "temperature": "temperature temp air_temperature room_temperature ambient_temperature 温度",
    "humidity": "humidity hum relative_humidity rh 湿度",
    "illuminance": "illuminance lux illumination 照度",
    "door_open": "door door_open door_state door_status doorcontact_state door_contact contact window opening magnet 门磁 门",
    "motion": "motion pir motion_detected motion_state pir_state movement_detected 人体",
    "presence": "presence occupancy occupied people_exist has_target human_presence someone_exists person_present target_present person_information "
    "有人",
    "vibration": "vibration vibration_state shake 震动",
    "water_leak": "water_leak leak flood flooding leak_detected water_leakage watersensor_state water_sensor moisture wet 水浸 漏水",
    "water_total": "water_total total_water water_consumed water_meter water_usage cumulative_flow 用水量",
    "battery": "battery battery_percentage battery_level battery_value batt bat_level va_battery battery_percent electricity 电量",
    "battery_low": "battery_low low_battery batterylow lowbattery slowbattery battery_alarm battery_low_alarm 低电量",
    "voltage": "voltage battery_voltage vcc bat_voltage vbat 电压",
    "tamper": "tamper tamper_alarm temper_alarm tamper_state dismantle 防拆",
    "fault": "fault error_code fault_code fault_alarm malfunction device_fault trouble 故障",
    "muted": "muted mute muffling silence silenced 静音",
    "self_test": "self_test selftest test_state self_checking 自检",
    "link_quality": "link_quality linkquality lqi",
}

_ALIASES: dict[tuple[str, ...], str] = {
    tuple(name.split("_")): quantity for quantity, names in _WORDS.items() for name in names.split()
}

_SETTINGS = (
    "set setting settings threshold limit enable enabled enabling config configuration calibration offset interval sensitivity "
    "brightness led light uptime min max minimum maximum average avg today yesterday count counter index version name "
    "unit type reset restart update firmware mode delay timeout duration tone volume valve heater fan cpu chip internal "
    "esp32 esp8266 esp device rejoin reboot rssi snr energy power current flow switch siren indicator time timestamp raw target"
)
_NOT_READINGS = frozenset(_SETTINGS.split())
"""A name with one of these words is a setting, a statistic or a thing of the device itself."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SPLIT = re.compile(r"[^0-9a-z\u4e00-\u9fff]+")


@lru_cache(maxsize=4096)
def guess(name: str) -> str | None:
    """The quantity a name speaks of; None when nothing is known or it is no reading."""
    text = _CAMEL.sub("_", name[:128]).lower()
    tokens = tuple(t for t in _SPLIT.split(text) if t)
    if not tokens:
        return None
    whole = _ALIASES.get(tokens)
    if whole is not None:
        return whole
    while len(tokens) > 1 and tokens[-1].isdigit():
        tokens = tokens[:-1]
    if set(tokens) & _NOT_READINGS:
        found = next(
            (q for words, q in _ALIASES.items() if len(words) > 1 and tokens[-len(words) :] == words), None
        )
        return found if found is not None and not set(tokens[:-2]) & _NOT_READINGS else None
    for size in range(min(4, len(tokens)), 0, -1):
        for start in range(len(tokens) - size, -1, -1):
            found = _ALIASES.get(tokens[start : start + size])
            if found is not None and (size > 1 or tokens[start] not in _TOO_SHORT):
                return found
    return next((q for words, q in _ALIASES.items() if not words[0].isascii() and words[0] in text), None)


_TOO_SHORT = frozenset({"hr", "rr", "rh", "co", "electricity", "quality", "heat"})
"""Words that mean something only when they are the whole name."""


def tail(name: str) -> tuple[str, str] | None:
    """A name with a device before a quantity: `urn:dev:mac:0024be_heart_rate` -> (`urn:dev:mac:0024be`, `heart_rate`).

    The last of `/`, `:`, `;`, `.` divides; where there is none, the last `_` behind which a known name stands.
    None when nothing at the end is a known name.
    """
    for cut in ("/", ":", ";", "."):
        head, _, last = name.rpartition(cut)
        if head:
            if exact(last) is not None:
                return head, last
            break
    if exact(name) is not None:
        return "", name
    at = name.find("_")
    while at > 0:  # the first `_` gives the longest tail
        if exact(name[at + 1 :]) is not None:
            return name[:at], name[at + 1 :]
        at = name.find("_", at + 1)
    return None


def exact(name: str) -> str | None:
    """The quantity that exactly this name means; None for a name that only contains one."""
    text = _CAMEL.sub("_", name[:128]).lower()
    return _ALIASES.get(tuple(t for t in _SPLIT.split(text) if t))


__all__ = ["exact", "guess", "tail"]
