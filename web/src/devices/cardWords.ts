/** Words of one device in full, in both languages; they load with its card. */
import { computed } from 'vue'
import type { components } from '../api/schema'
import { language } from '../texts'
import type { Widen } from '../texts/both'
import { wallClock } from '../words/time'

const zh = {
  title: (name: string) => `${name} 的全部情况`, unknown: '不知道', close: '收起', loading: '正在读取', away: '暂时读不到历史，现在说不准', failed: '读不到这台设备，请再试一次',
  battery: '电量', signal: '信号', clock: '时钟', test: '最近一次测试', firmware: '固件', heard: '心跳', gateway: '网关', model: '型号',
  percent: (n: number) => `${n}%`, batteryStates: { unknown: '还说不准', empty: '随时可能停', falling: '在下降', far: '近期不会用完', steady: '看不出下降', mains: '市电供电', unavailable: '历史暂不可用' } as Record<string, string>,
  why: { none: '设备从未报过电量', few_days: '记录不足三周', new_battery: '换电池不足三周', flat: '满电一段曲线是平的，看不出还能用多久', fell: '比前几天骤降，可能很快没电' } as Record<string, string>,
  between: (a: string, b: string) => `约 ${a} 至 ${b} 降到 10%`, notBefore: (a: string) => `${a} 前后起可能降到 10%，最迟哪天说不准`, farTill: (a: string) => `按现在的速度，${a} 以前不会到 10%`, rate: (n: string, days: number) => `${days} 天里每周 ${n}`, caution: '锂电池、碱性电池末段掉得快，实际可能更早', recorded: (n: number) => `已有 ${n} 天记录`,
  signalStates: { unknown: '还说不准', weak: '弱', falling: '在变弱', steady: '平稳', unavailable: '历史暂不可用' } as Record<string, string>, signalNone: '设备不报信号', signalNow: (n: number) => `${n} / 255`, was: (before: number, now: number, days: number) => `${days} 天：${before} → ${now}`, weakHint: '20 以下容易掉线',
  clockStates: { right: '准', off: '不准', no_time: '设备不带时间', unknown: '不知道' } as Record<string, string>, behind: (s: string) => `慢 ${s}`, ahead: (s: string) => `快 ${s}`, clockHint: '设备时间与到达时间之差，取近几小时最小值', noTime: '按到达时间计', clockUnheard: '服务启动以来没有听到它',
  testResults: { passed: '通过', not_passed: '未通过', unknown: '没有测过' } as Record<string, string>, how: { campaign: '测试', declared: '设备自报测试', rang: '真实报警', '': '' } as Record<string, string>, testBy: (name: string) => `${name} 测试`, notRang: '测试时没有收到报警', due: (day: string) => `应在 ${day} 前再测`, noAlarm: '此类设备不单独报警，不用测', neverTested: '没有收到过它的报警',
  update: '有新固件', newest: '已是最新', noUpdateWord: '有没有新固件：不知道', firmwareNone: '设备和网关都没有说', by: (source: string) => `来源 ${source}`, sources: { zigbee2mqtt: 'Zigbee2MQTT', tasmota: 'Tasmota', esphome: 'ESPHome', homeassistant: 'Home Assistant' } as Record<string, string>,
  last: (ago: string) => ago, expects: (span: string) => `静默 ${span} 算失联`, never: '从未上报', tryIt: '测试这户的设备 ›', mendIt: '开维修单 ›', noGateway: '未登记网关', fine: '正常', spark: (what: string, from: string, to: string) => `${what}：${from} 到 ${to}`,
  minutes: (n: number) => `${n} 分钟`, hours: (n: number) => `${n} 小时`, secondsLong: (n: string) => `${n} 秒`, days: (n: number) => `${n} 天`,
}

const en: Widen<typeof zh> = {
  title: (name) => `Everything known of ${name}`, unknown: 'not known', close: 'Close', loading: 'Loading', away: 'Past records cannot be read just now', failed: 'This device could not be read; try again',
  battery: 'Battery', signal: 'Signal', clock: 'Clock', test: 'Last test', firmware: 'Firmware', heard: 'Heard', gateway: 'Gateway', model: 'Model',
  percent: (n) => `${n}%`, batteryStates: { unknown: 'cannot tell yet', empty: 'may stop at any time', falling: 'falling', far: 'not running out soon', steady: 'no fall seen', mains: 'on mains', unavailable: 'past records not available' },
  why: { none: 'It never reported its battery', few_days: 'Less than three weeks on record', new_battery: 'New battery, less than three weeks', flat: 'A full battery’s curve is flat: it says nothing of what is left', fell: 'Far under the days before: it may soon be empty' },
  between: (a, b) => `Reaches 10% between ${a} and ${b}`, notBefore: (a) => `May reach 10% from about ${a}; the latest day cannot be told`, farTill: (a) => `At this rate not at 10% before ${a}`, rate: (n, days) => `${n} a week over ${days} days`, caution: 'Lithium and alkaline cells drop fast at the end: it may be sooner', recorded: (n) => `${n} days on record`,
  signalStates: { unknown: 'cannot tell yet', weak: 'weak', falling: 'getting weaker', steady: 'steady', unavailable: 'past records not available' }, signalNone: 'It does not report its signal', signalNow: (n) => `${n} / 255`, was: (before, now, days) => `${days} days: ${before} → ${now}`, weakHint: 'Below 20 devices drop off',
  clockStates: { right: 'right', off: 'wrong', no_time: 'sends no time', unknown: 'not known' }, behind: (s) => `${s} slow`, ahead: (s) => `${s} fast`, clockHint: 'Its own time against arrival, the least of some hours', noTime: 'The time of arrival counts', clockUnheard: 'Not heard since the service started',
  testResults: { passed: 'passed', not_passed: 'not passed', unknown: 'never tested' }, how: { campaign: 'test', declared: 'declared by the device', rang: 'a real alarm', '': '' }, testBy: (name) => `tested by ${name}`, notRang: 'No alarm arrived in the test', due: (day) => `due again by ${day}`, noAlarm: 'This kind raises no alarm of its own', neverTested: 'No alarm from it has ever arrived',
  update: 'update available', newest: 'up to date', noUpdateWord: 'not known whether there is a newer one', firmwareNone: 'Neither the device nor the gateway says', by: (source) => `from ${source}`, sources: { zigbee2mqtt: 'Zigbee2MQTT', tasmota: 'Tasmota', esphome: 'ESPHome', homeassistant: 'Home Assistant' },
  last: (ago) => ago, expects: (span) => `lost after ${span} of silence`, never: 'never heard', tryIt: 'Test the devices of this home ›', mendIt: 'Open a maintenance order ›', noGateway: 'no gateway registered', fine: 'working', spark: (what, from, to) => `${what}: ${from} to ${to}`,
  minutes: (n) => `${n} min`, hours: (n) => `${n} h`, secondsLong: (n) => `${n} s`, days: (n) => (n === 1 ? '1 day' : `${n} days`),
}

export const words = computed(() => (language.value === 'zh' ? zh : en))

/** Days are days, in no zone. */
export const dayOf = (text: string): string => wallClock('UTC', language.value === 'zh' ? 'zh-CN' : 'en').day(Date.parse(text))

/** When a battery may be empty, in one line; what cannot be told is said so. */
export function whenEmpty(of: components['schemas']['BatteryForecast']): string {
  const w = words.value
  if (of.state === 'falling' && of.earliest) return of.latest ? w.between(dayOf(of.earliest), dayOf(of.latest)) : w.notBefore(dayOf(of.earliest))
  if (of.state === 'far' && of.earliest) return w.farTill(dayOf(of.earliest))
  const state = w.batteryStates[of.state] ?? of.state
  const why = w.why[of.why ?? ''] ?? ''
  return why === '' ? state : `${state} · ${why}`
}
