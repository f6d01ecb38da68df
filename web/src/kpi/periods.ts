/** The periods of the figures, on the community's calendar, and the distribution behind a figure. Pure. */
import type { FigureFull } from '../api/types'
import type { WallClock } from '../words/time'

export const PERIODS = ['today', 'week', 'month', 'last'] as const
export type Period = (typeof PERIODS)[number]

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Midnight of the community before a moment: its clock shows 00:00 there. */
export function midnight(at: number, clock: WallClock): number {
  const [hours = '0', minutes = '0', seconds = '0'] = clock.clock(at).split(':')
  return at - (at % 1000) - ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}

function firstOfMonth(at: number, clock: WallClock): number {
  let start = midnight(at, clock)
  while (clock.date(start) !== 1) start = midnight(start - 12 * HOUR, clock)
  return start
}

/** Without `to` a period lasts until now, by the service's own clock. */
export function periodOf(period: Period, now: number, clock: WallClock): { from: string; to?: string } {
  const told = (from: number, to?: number): { from: string; to?: string } => ({ from: new Date(from).toISOString(), ...(to === undefined ? {} : { to: new Date(to).toISOString() }) })
  if (period === 'today') return told(midnight(now, clock))
  if (period === 'week') return told(midnight(now - 6 * DAY, clock))
  const month = firstOfMonth(now, clock)
  if (period === 'month') return told(month)
  return told(firstOfMonth(month - 12 * HOUR, clock), month)
}

export interface Bin {
  /** null: what never came */
  words: string | null
  count: number
  share: number
  /** beyond the promise */
  late: boolean
}

const EDGES = [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1.5, 2, 3]
/** from the left; -1 is the last one, of what never came to it, -2 the one before, of what came later still */
function columnOf(figure: FigureFull, seconds: number | null): number {
  if (seconds === null) return -1
  const column = EDGES.slice(1).findIndex((part) => seconds <= part * figure.limit_seconds)
  return column < 0 ? -2 : column
}

/** Whether the distribution may stand on paper: nobody in a column, or as many homes as have to be behind what is told. */
export function spreadTold(figure: FigureFull, least: number): boolean {
  const columns = new Map<number, Set<string>>()
  for (const one of figure.cases ?? []) {
    const column = columnOf(figure, one.seconds ?? null)
    columns.set(column, (columns.get(column) ?? new Set()).add(one.home))
  }
  return [...columns.values()].every((homes) => homes.size >= least)
}

/** Eleven columns: six up to the promise, three beyond it, what came later still, and what never came. */
export function spreadOf(figure: FigureFull): Bin[] {
  const limit = figure.limit_seconds
  const edges = EDGES.map((part) => part * limit)
  const minutes = limit >= 300
  const words = (seconds: number): string => (minutes ? `${Math.round((seconds / 60) * 10) / 10}′` : `${Math.round(seconds)}″`)
  const bins: Bin[] = edges.slice(0, -1).map((edge, index) => ({ words: `≤${words(edges[index + 1]!)}`, count: 0, share: 0, late: edge >= limit }))
  bins.push({ words: `>${words(edges.at(-1)!)}`, count: 0, share: 0, late: true }, { words: null, count: 0, share: 0, late: true })
  for (const one of figure.cases ?? []) {
    bins.at(columnOf(figure, one.seconds ?? null))!.count += 1
  }
  const most = Math.max(1, ...bins.map((bin) => bin.count))
  return bins.map((bin) => ({ ...bin, share: bin.count / most }))
}

/** Home-hours as they stand in a table. What is there is never 0.0. */
export const homeHours = (hours: number): string => (hours > 0 && hours < 0.05 ? '< 0.1' : hours >= 100 ? Math.round(hours).toLocaleString('en') : hours.toFixed(1))
