/** What tests are made of: cases, pictures and a live channel that is only a value. */
import { computed, shallowRef } from 'vue'
import type { Alert, Snapshot } from './api/types'
import { whole } from './api/whole'
import { EMPTY, reduce, type Picture } from './live/reduce'
import type { Live } from './live/useLive'
import type { Trust } from './live/trust'
import type { Sound } from './sound/useSound'
import { wallClock } from './words/time'

export const NOON = Date.parse('2026-05-23T04:06:42.000Z') // 12:06:42 in Ningbo
export const at = (seconds_before_noon: number): string => new Date(NOON - seconds_before_noon * 1000).toISOString()

export function anAlert(more: Partial<Alert> = {}): Alert {
  return whole({
    called: [],
    id: 'a317', number: 317, code: 'SM1', level: 'red', title: '厨房烟感报警', home: 'h0317', resident: 'r0317', raised_at: at(18), onset_at: at(18),
    condition: 'active', state: 'new', owner: null, responders: [], step: 0, occurrences: 1, findings: [], deliveries: [], outcome: null, version: 1, kind: 'smoke', state_words: '未接警',
    place: { estate_building: '银杏小区 3 幢', unit_room: '402 室', phone: '0574-86293712', floor: 4, lift: true, key: '邻里中心 07 号柜' },
    people: [{ id: 'r0317', name: '周阿婆', age: 82, tags: [{ word: '听力下降，多等铃', strong: true }] }],
    contacts: [{ id: 'c1', name: '周女士', relation: '女儿', phone: '13800000921' }],
    ...more,
  })
}

export function aSnapshot(more: Partial<Snapshot> = {}): Snapshot {
  return {
    epoch: 'e1', head: 10, now: new Date(NOON).toISOString(), build: 'b1', view: 'desk', community: { id: 'zpq', name: '总浦桥社区', timezone: 'Asia/Shanghai' },
    alerts: [], closed: [], duty: { nobody: false, desk: [{ id: 's01', name: '陈敏芝', role: 'operator' }], responders: [] }, kpi: null,
    protection: { protected: 296, partly: 3, not: 1, total: 300 }, by_hour: Array.from({ length: 24 }, () => ({ red: 0, yellow: 0, blue: 0 })), recent_10min: 0, flood: false, ...more,
  }
}

export const aPicture = (more: Partial<Snapshot> = {}, local_ms = NOON): Picture =>
  reduce(EMPTY, { name: 'snapshot', local_ms, value: aSnapshot(more) })

export const LIVE_TRUST: Trust = { link: 'live', silent_ms: 300, devices: 'heard', waiting: false, trouble: false }

export function aLive(picture: Picture = aPicture(), trust: Trust = LIVE_TRUST): Live {
  return {
    view: 'desk', picture: shallowRef(picture), trust: shallowRef(trust), now: shallowRef(NOON), local: shallowRef(NOON), clock: computed(() => wallClock('Asia/Shanghai', 'zh-CN')),
    waitingReds: computed(() => 0), wrongClock: computed(() => false), learn: () => undefined, resync: () => undefined, focus: shallowRef(''),
  }
}

export function aSound(more: Partial<Sound> = {}): Sound {
  return {
    state: computed(() => 'running' as const), muted_left_s: computed(() => 0), checked: shallowRef(null), enable: async () => 'running', toggleMute: () => undefined, test: () => undefined,
    peak: () => 0.5, record: () => undefined, askAgain: () => undefined, survives: () => true, ...more,
  }
}
