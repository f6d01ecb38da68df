/** Places the readings of the evidence strip on a line 1000 wide and 27 high. Pure. */
import type { StripRow } from '../api/types'
import { ms } from '../words/time'

export interface Window {
  from: number
  to: number
}
const WIDTH = 1000
const TOP = 5
const BOTTOM = 22
const LEAST_SPAN: Readonly<Record<string, number>> = { '%LEL': 10, ppm: 30, '°C': 4, '%': 10 } // changes below this mean nothing
const THINNEST = 18 // a reading of a second in an hour must still be seen

const place = (at: number, { from, to }: Window): number => Math.min(WIDTH, Math.max(0, ((at - from) / (to - from)) * WIDTH))
const round = (x: number): number => Math.round(x * 10) / 10

export function spansOf(spans: StripRow['spans'], window: Window): { x: number; width: number; value: boolean | null }[] {
  return (spans ?? []).flatMap((span) => {
    const from = ms(span.from)
    const to = ms(span.to) ?? window.to
    if (from === null || to < window.from || from > window.to) return []
    const right = place(to, window)
    const wanted = right - place(from, window)
    const width = span.value === true ? Math.max(THINNEST, wanted) : wanted
    const x = Math.max(0, Math.min(WIDTH, right) - width)
    return [{ x: round(x), width: round(width), value: span.value }]
  })
}

export function ticksOf(ticks: StripRow['ticks'], window: Window): number[] {
  return (ticks ?? []).flatMap((tick) => {
    const at = ms(tick)
    return at === null || at < window.from || at > window.to ? [] : [round(place(at, window))]
  })
}

/** A line through the known points, broken where a value is unknown. */
export function linePath(points: StripRow['points'], window: Window, unit?: string | null): string {
  const leastSpan = LEAST_SPAN[unit ?? ''] ?? 1
  const known = (points ?? []).map(([time, value]) => [ms(time), value] as const)
  const values = known.flatMap(([, value]) => (value === null ? [] : [value]))
  if (values.length === 0) return ''
  const least = Math.min(...values)
  const most = Math.max(...values)
  // a quiet line is drawn quiet: the scale is never finer than a fifth of the value, or the least that matters
  const span = Math.max(most - least, Math.abs(most) * 0.2, leastSpan)
  const low = (least + most - span) / 2
  let path = ''
  let broken = true
  for (const [at, value] of known) {
    if (at === null || value === null) {
      broken = true
      continue
    }
    const y = BOTTOM - ((value - low) / span) * (BOTTOM - TOP)
    path += `${broken ? 'M' : 'L'}${round(place(at, window))} ${round(y)}`
    broken = false
  }
  return path
}

/** what tells first whether somebody is there, and whether the alarm is false */
const TELLING = ['activity', 'door', 'bed', 'gas', 'smoke', 'co', 'water', 'vitals', 'fall', 'sos']

/** What rang, alarms, what bore it out, then the liveliest row of each kind, then the rest: where only a few rows fit, each says something new.
 * `own`: the devices of the case, the one that rang first; `kind` is that of the case: of a belt's rows the pulse tells of an alarm of the pulse. */
export function tellingFirst(rows: readonly StripRow[], own: readonly (string | null | undefined)[] = [], kind = ''): StripRow[] {
  const newest = (row: StripRow): number => ms(row.ticks?.at(-1)) ?? 0
  const lively = [...rows].sort((a, b) => newest(b) - newest(a))
  const firsts = TELLING.flatMap((kind) => lively.find((row) => row.kind === kind && !row.alarm) ?? [])
  const of = own.flatMap((device) => rows.find((row) => row.device === device && row.kind === kind) ?? rows.find((row) => row.device === device) ?? [])
  return [...new Set([...of.slice(0, 1), ...rows.filter((row) => row.alarm), ...of, ...firsts, ...rows])]
}
