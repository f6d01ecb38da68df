/**
 * Which case stands where in the queue, and which one the centre shows. Pure.
 * Order (ux.md 9.2): unacknowledged red, oldest first → acknowledged red without action, or where nobody came in time → yellow by age →
 * in hand (mine, then others') → blue. Nothing can push a waiting red from the first place. In a flood what waits and is not
 * red stands by its cause.
 */
import type { Alert } from '../api/types'
import { ms } from '../words/time'
import { isUnacknowledged, isWaitingRed } from './waiting'

export { isUnacknowledged, isWaitingRed }

/** Acknowledged, but nobody has phoned or been sent. */
export const isWithoutAction = (alert: Alert): boolean =>
  alert.state === 'acknowledged' && (alert.called?.length ?? 0) === 0

/** When the present waiting began: a case opened again waits from then on, and its ladder with it. */
export function openedAt(alert: Alert): number {
  const first = alert.ladder?.[0]
  const due = ms(first?.due_at)
  return first !== undefined && due !== null ? due - first.at_seconds * 1000 : (ms(alert.raised_at) ?? 0)
}
const byAge = (a: Alert, b: Alert): number => openedAt(a) - openedAt(b) || (a.id < b.id ? -1 : 1)

export interface Queue {
  /** the fixed red lane */
  lane: Alert[]
  /** waiting yellows */
  yellow: Alert[]
  /** somebody has taken these */
  inHand: Alert[]
  /** waiting blues, several devices behind one cause are one case already */
  blue: Alert[]
  counts: { red: number; yellow: number; blue: number }
  waitingRed: Alert[]
}

/** What it came from, whosever it is: `device:a` and `device:b` are one cause. A wall is told only which cases have the same one. */
export const causeOf = (alert: Alert): string => alert.group ?? (alert.cause ?? alert.code).split(':')[0]!

/** Cases of one cause together, that of the longest waiting first. */
export function byCause(sorted: readonly Alert[]): Alert[][] {
  const groups = new Map<string, Alert[]>()
  for (const alert of sorted) {
    const group = groups.get(causeOf(alert))
    if (group === undefined) groups.set(causeOf(alert), [alert])
    else group.push(alert)
  }
  return [...groups.values()]
}

export function order(alerts: Iterable<Alert>, mine: string | null, flood = false): Queue {
  const queue: Queue = { lane: [], yellow: [], inHand: [], blue: [], counts: { red: 0, yellow: 0, blue: 0 }, waitingRed: [] }
  const quietReds: Alert[] = []
  for (const alert of alerts) {
    if (alert.state === 'closed') continue
    queue.counts[alert.level] += 1
    if (isWaitingRed(alert)) queue.waitingRed.push(alert)
    else if (alert.level === 'red' && (alert.overdue || isWithoutAction(alert))) quietReds.push(alert)
    else if (!isUnacknowledged(alert)) queue.inHand.push(alert)
    else if (alert.level === 'yellow') queue.yellow.push(alert)
    else queue.blue.push(alert)
  }
  queue.waitingRed.sort(byAge)
  queue.lane = [...queue.waitingRed, ...quietReds.sort(byAge)]
  queue.yellow.sort(byAge)
  const rank = (alert: Alert): number =>
    ({ red: 0, yellow: 1, blue: 2 })[alert.level] * 2 + (mine !== null && alert.owner?.id === mine ? 0 : 1)
  queue.inHand.sort((a, b) => rank(a) - rank(b) || byAge(a, b))
  queue.blue.sort(byAge)
  if (flood) [queue.yellow, queue.blue] = [byCause(queue.yellow).flat(), byCause(queue.blue).flat()]
  return queue
}

/** The queue from top to bottom, as J and K walk it. */
export const walk = (queue: Queue): Alert[] => [...queue.lane, ...queue.yellow, ...queue.inHand, ...queue.blue]

export interface Selection {
  id: string
  /** our clock when the person chose it */
  at_ms: number
}

export type Hero =
  | { mode: 'calm'; ids: readonly string[]; others: number }
  | { mode: 'one'; ids: readonly [string]; others: number }
  | { mode: 'grid'; ids: readonly string[]; others: number }

export interface HeroQuestion {
  queue: Queue
  open: ReadonlyMap<string, Alert>
  selection: Selection | null
  /** the person is in the middle of something with the selected case: a call, a form, a choice of people */
  busy: boolean
  mine: string | null
  /** our clock when each waiting red first appeared here */
  arrived: ReadonlyMap<string, number>
}

const GRID = 4

/** The centre never changes under a person who is handling a red, or has chosen one that waits; otherwise a new red takes it. */
export function chooseHero({ queue, open, selection, busy, mine, arrived }: HeroQuestion): Hero {
  const waiting = queue.waitingRed
  const one = (id: string): Hero => ({ mode: 'one', ids: [id], others: waiting.filter((alert) => alert.id !== id).length })
  const selected = selection === null ? undefined : open.get(selection.id)
  if (selection !== null && selected !== undefined) {
    const inTheMiddle = busy || (mine !== null && selected.owner?.id === mine && selected.level === 'red' && selected.state === 'acknowledged')
    // a red that waits was chosen before the others: who is about to press a key for it must not press it for another home;
    // a wall has no keys, and shows what is new
    const holds = mine !== null && selected.level === 'red' && isUnacknowledged(selected)
    const newer = waiting.some((alert) => alert.id !== selected.id && (arrived.get(alert.id) ?? 0) > selection.at_ms)
    if (inTheMiddle || holds || !newer) return one(selected.id)
  }
  if (waiting.length === 1) return one(waiting[0]!.id)
  if (waiting.length > 1) {
    const shown = waiting.slice(0, GRID)
    return { mode: 'grid', ids: shown.map((alert) => alert.id), others: waiting.length - shown.length }
  }
  if (selected !== undefined) return one(selected.id)
  const reds = [...open.values()].filter((alert) => alert.level === 'red').sort(byAge)
  const next = reds.find((alert) => mine !== null && alert.owner?.id === mine) ?? reds[0]
  return next === undefined ? { mode: 'calm', ids: [], others: 0 } : one(next.id)
}
