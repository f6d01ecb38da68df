/**
 * (picture, event) → picture. Everything the screens draw comes through here, one event at a time; nothing else
 * writes. Pure: no clock, no network. Start at `reduce`.
 *
 * The channel is trusted only while its numbers are whole: an event that is not last + 1, or a heartbeat whose head
 * is not ours, sets `resync`; from then on nothing but a fresh snapshot is applied, and live/stream.ts asks for one.
 */
import type {
  Alert, ClosedLine, Community, Duty, Heartbeat, Hour, Kpi, KpiEvent, Me, ProtectionCount, Snapshot,
} from '../api/types'
import { whole } from '../api/whole'
import { hear, UNSET, type ClockOffset } from './clock'

export interface Picture {
  /** epoch of the log the numbers belong to; null before the first snapshot */
  epoch: string | null
  /** sequence number of the last event applied */
  head: number
  /** a gap was seen: only a snapshot heals it */
  resync: boolean
  /** our clock when we last heard something that fits; what is heard across a gap is no proof of a whole picture */
  heard_ms: number | null
  clock: ClockOffset
  build: string | null
  community: Community | null
  me: Me | null
  alerts: ReadonlyMap<string, Alert>
  closed: readonly ClosedLine[]
  duty: Duty | null
  kpi: Kpi | null
  /** when the figures were last told, by our own clock */
  board_ms: number | null
  protection: ProtectionCount | null
  by_hour: readonly Hour[]
  recent_10min: number
  /** more than 10 new in 10 minutes, until below 5 (EEMUA 191, ux.md 9.2): the service keeps it */
  flood: boolean
  ingest_age: number | null
  notify_lag: number | null
  components: Readonly<Record<string, boolean>>
}

export const EMPTY: Picture = {
  epoch: null, head: 0, resync: false, heard_ms: null, clock: UNSET, build: null, community: null, me: null,
  alerts: new Map(), closed: [], duty: null, kpi: null, board_ms: null, protection: null, by_hour: [], recent_10min: 0, flood: false,
  ingest_age: null, notify_lag: null, components: {},
}

/** One thing heard. `local_ms` is our clock when it came; `answer` is the reply to our own command, which is
 * earlier than the stream's copy of it and carries no number. */
export type LiveEvent =
  | { name: 'snapshot'; local_ms: number; value: Snapshot }
  | { name: 'hb'; local_ms: number; value: Heartbeat }
  | { name: 'alert'; local_ms: number; id: string; value: Alert }
  | { name: 'duty'; local_ms: number; id: string; value: Duty }
  | { name: 'kpi'; local_ms: number; id: string; value: KpiEvent }
  | { name: 'device'; local_ms: number; id: string; value: unknown }
  | { name: 'other'; local_ms: number; id: string; value: unknown }
  | { name: 'answer'; local_ms: number; value: Alert }

const CLOSED_SHOWN = 8

/** "epoch.seq" taken apart; the epoch itself may contain dots. */
export function position(id: string): { epoch: string; seq: number } | null {
  const dot = id.lastIndexOf('.')
  const seq = Number(id.slice(dot + 1))
  return dot < 1 || !Number.isSafeInteger(seq) ? null : { epoch: id.slice(0, dot), seq }
}

export function reduce(picture: Picture, event: LiveEvent): Picture {
  switch (event.name) {
    case 'snapshot':
      return fromSnapshot(picture, event.value, event.local_ms)
    case 'hb':
      return heartbeat(picture, event.value, event.local_ms)
    case 'answer':
      return picture.epoch === null ? picture : withAlert(picture, event.value)
    default:
      return numbered(picture, event)
  }
}

function fromSnapshot(picture: Picture, value: Snapshot, local_ms: number): Picture {
  return {
    ...picture,
    epoch: String(value.epoch),
    head: value.head,
    resync: false,
    heard_ms: local_ms,
    clock: hear(picture.clock, Date.parse(value.now), local_ms),
    build: value.build ?? picture.build,
    community: value.community,
    me: value.me ?? picture.me,
    alerts: new Map(value.alerts.filter((alert) => alert.state !== 'closed').map((alert) => [alert.id, whole(alert)])),
    closed: value.closed,
    duty: value.duty,
    kpi: value.kpi,
    board_ms: local_ms,
    protection: value.protection,
    by_hour: value.by_hour,
    recent_10min: value.recent_10min,
    flood: value.flood,
  }
}

function heartbeat(picture: Picture, value: Heartbeat, local_ms: number): Picture {
  const whole = picture.epoch !== null && String(value.epoch) === picture.epoch && value.head === picture.head
  const resync = picture.resync || !whole
  return {
    ...picture,
    heard_ms: resync ? picture.heard_ms : local_ms,
    clock: hear(picture.clock, Date.parse(value.now), local_ms),
    resync,
    build: value.build ?? picture.build,
    ingest_age: value.ingest_age,
    notify_lag: value.notify_lag ?? null,
    components: value.components ?? picture.components,
  }
}

type Numbered = Extract<LiveEvent, { id: string }>

function numbered(picture: Picture, event: Numbered): Picture {
  if (picture.epoch === null || picture.resync) return { ...picture, resync: true }
  const where = position(event.id)
  if (where === null || where.epoch !== picture.epoch) return { ...picture, resync: true }
  if (where.seq <= picture.head) return { ...picture, heard_ms: event.local_ms } // told twice
  if (where.seq !== picture.head + 1) return { ...picture, resync: true }
  const next: Picture = { ...picture, heard_ms: event.local_ms, head: where.seq }
  switch (event.name) {
    case 'alert':
      return withAlert(next, event.value)
    case 'duty':
      return { ...next, duty: event.value }
    case 'kpi':
      return {
        ...next,
        kpi: event.value.kpi === undefined ? next.kpi : event.value.kpi,
        board_ms: event.local_ms,
        by_hour: event.value.by_hour ?? next.by_hour,
        protection: event.value.protection === undefined ? next.protection : event.value.protection,
        closed: event.value.closed ?? next.closed,
        recent_10min: event.value.recent_10min ?? next.recent_10min,
        flood: event.value.flood ?? next.flood,
      }
    default:
      return next
  }
}

function withAlert(picture: Picture, alert: Alert): Picture {
  const known = picture.alerts.get(alert.id)
  if (known !== undefined && known.version > alert.version) return picture
  if (alert.state === 'closed') {
    const told = picture.closed.find((line) => line.id === alert.id)
    if (known === undefined && told !== undefined) return picture
    const alerts = new Map(picture.alerts)
    alerts.delete(alert.id)
    return { ...picture, alerts, closed: [closedLine(alert), ...picture.closed.filter((line) => line.id !== alert.id)].slice(0, CLOSED_SHOWN) }
  }
  const alerts = new Map(picture.alerts)
  alerts.set(alert.id, whole(alert))
  return { ...picture, alerts, closed: picture.closed.filter((line) => line.id !== alert.id) }
}

/** The short line of a case just closed, until the service's own `kpi` event brings its words. */
function closedLine(alert: Alert): ClosedLine {
  const at = alert.closed_at ?? alert.raised_at
  const seconds = Math.max(0, (Date.parse(at) - Date.parse(alert.raised_at)) / 1000)
  return { id: alert.id, number: alert.number, at, title: alert.title, words: alert.state_words ?? '', seconds }
}
