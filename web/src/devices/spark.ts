/** A line of one figure a day, 100 wide and 24 high; a day without a figure is a gap. Pure. */
import type { components } from '../api/schema'

export type Days = components['schemas']['BatteryForecast']['points']

const DAY = 86_400_000

/** SVG path of some days between `low` and `high`; empty for fewer than two. */
export function spark(points: Days, low: number, high: number): string {
  const days = (points ?? []).map(([day, value]) => [Date.parse(day as string), value as number] as const)
  const first = days[0]
  const last = days.at(-1)
  if (first === undefined || last === undefined || last[0] <= first[0]) return ''
  let path = ''
  let before: number | null = null
  for (const [at, value] of days) {
    const x = ((at - first[0]) / (last[0] - first[0])) * 100
    const y = 23 - (Math.min(high, Math.max(low, value)) - low) / (high - low) * 22
    path += `${before !== null && at - before <= 2 * DAY ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`
    before = at
  }
  return path
}

/** Seconds as the largest unit that is whole enough to read. */
export function span(seconds: number, w: { secondsLong: (n: string) => string; minutes: (n: number) => string; hours: (n: number) => string; days: (n: number) => string }): string {
  if (seconds < 120) return w.secondsLong(seconds < 10 ? seconds.toFixed(1) : String(Math.round(seconds)))
  if (seconds < 7200) return w.minutes(Math.round(seconds / 60))
  return seconds < 172_800 ? w.hours(Math.round(seconds / 3600)) : w.days(Math.round(seconds / 86_400))
}
