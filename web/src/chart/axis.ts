/** A line of time, 1000 wide: where a moment stands, which marks it carries, and what lies under the cursor. Pure. */
import { ms, type WallClock } from '../words/time'

export const WIDTH = 1000

export interface Window {
  from: number
  to: number
}

export const place = (at: number, { from, to }: Window): number =>
  Math.round(Math.min(WIDTH, Math.max(0, ((at - from) / (to - from)) * WIDTH)) * 10) / 10

export const windowOf = (from: string | undefined, to: string | undefined): Window | null => {
  const start = ms(from)
  const end = ms(to)
  return start === null || end === null || end <= start ? null : { from: start, to: end }
}

export interface Mark {
  x: number
  words: string
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Whole hours of a day, or midnights of more days, in the community's zone (which is whole hours from UTC or marks shift with it). */
export function marksOf(window: Window, clock: WallClock): Mark[] {
  const span = window.to - window.from
  const marks: Mark[] = []
  if (span <= 2 * DAY) {
    const every = span <= 26 * HOUR ? 3 : 6
    for (let at = Math.ceil(window.from / HOUR) * HOUR; at < window.to; at += HOUR) {
      if (clock.hour(at) % every === 0) marks.push({ x: place(at, window), words: clock.minute(at) })
    }
    return marks
  }
  const every = span <= 8 * DAY ? 1 : 4
  let days = 0
  for (let at = Math.ceil(window.from / HOUR) * HOUR; at < window.to; at += HOUR) {
    if (clock.hour(at) !== 0) continue
    if (days % every === 0) marks.push({ x: place(at, window), words: clock.day(at) })
    days += 1
  }
  return marks
}

export interface Span {
  from: string
  to: string
  value: boolean | null
}

export interface Bar {
  x: number
  width: number
  value: boolean | null
}

export function barsOf(spans: readonly Span[], window: Window, least = 1.2): Bar[] {
  return spans.flatMap((span) => {
    const from = ms(span.from)
    const to = ms(span.to)
    if (from === null || to === null || to <= window.from || from >= window.to) return []
    const x = place(from, window)
    return [{ x, width: Math.max(least, Math.round((place(to, window) - x) * 10) / 10), value: span.value }]
  })
}

/** A lane from edge to edge: what no span speaks of is not known, and no "no". */
export function filled(spans: readonly Span[], window: Window): Span[] {
  const out: Span[] = []
  let edge = window.from
  const gap = (to: number): void => void (to > edge && out.push({ from: new Date(edge).toISOString(), to: new Date(to).toISOString(), value: null }))
  for (const span of spans) {
    gap(Math.min(window.to, ms(span.from) ?? edge))
    out.push(span)
    edge = Math.max(edge, ms(span.to) ?? edge)
  }
  gap(window.to)
  return out
}

/** The value that holds at a moment; undefined where the lane says nothing. */
export function valueAt(spans: readonly Span[], at: number): boolean | null | undefined {
  return spans.find((span) => (ms(span.from) ?? Infinity) <= at && at < (ms(span.to) ?? -Infinity))?.value
}

export type Point = [string, number, number, number]

export interface Scale {
  low: number
  high: number
  height: number
}

const TOP = 6

export const heightOf = (value: number, { low, high, height }: Scale): number =>
  Math.round((height - ((value - low) / (high - low)) * (height - TOP)) * 10) / 10

/** A scale of round numbers that holds every value and the usual range, never finer than `least`. */
export function scaleOf(values: readonly number[], band: readonly number[] | null, height: number, least: number): Scale {
  const all = [...values, ...(band ?? [])]
  if (all.length === 0) return { low: 0, high: least, height }
  const most = Math.max(...all)
  const fewest = Math.min(...all)
  const spare = Math.max(least - (most - fewest), (most - fewest) * 0.2) / 2
  const round = least >= 20 ? 10 : 2
  return { low: Math.max(0, Math.floor((fewest - spare) / round) * round), high: Math.ceil((most + spare) / round) * round, height }
}

/** One `M…L…` for each piece: a gap in the data is a gap in the line. A lone value is a short stroke, so that it can be seen. */
export function pathOf(pieces: readonly (readonly Point[])[], window: Window, scale: Scale): string {
  return pieces
    .map((piece) =>
      piece
        .map(([at, mean], index) => {
          const [x, y] = [place(ms(at) ?? 0, window), heightOf(mean, scale)]
          return index === 0 ? `M${x} ${y}${piece.length === 1 ? `h2` : ''}` : `L${x} ${y}`
        })
        .join(''),
    )
    .join('')
}

/** The least and the greatest of each bucket, as one area for each piece. */
export function areaOf(pieces: readonly (readonly Point[])[], window: Window, scale: Scale): string {
  return pieces
    .filter((piece) => piece.length > 1)
    .map((piece) => {
      const upper = piece.map(([at, , , high]) => `${place(ms(at) ?? 0, window)} ${heightOf(high, scale)}`)
      const lower = [...piece].reverse().map(([at, , low]) => `${place(ms(at) ?? 0, window)} ${heightOf(low, scale)}`)
      return `M${[...upper, ...lower].join('L')}Z`
    })
    .join('')
}

/** The point nearest to a moment, within a bucket of it. */
export function pointAt(pieces: readonly (readonly Point[])[], at: number, within_ms: number): Point | null {
  let best: Point | null = null
  let distance = within_ms
  for (const piece of pieces) {
    for (const point of piece) {
      const away = Math.abs((ms(point[0]) ?? 0) - at)
      if (away <= distance) [best, distance] = [point, away]
    }
  }
  return best
}
