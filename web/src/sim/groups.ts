/** How the panel sorts what it shows. Pure. */
import type { JudgedTruth, Scenario } from './ask'

/** What a scenario is about; one that is in none of them comes last, so that a new one is never hidden. */
export const GROUPS = {
  fire: ['cooking_smoke', 'kitchen_fire', 'virtual_smoke', 'gas_leak'],
  calls: ['sos', 'sos_pocket', 'night_fall', 'bathroom_fall'],
  body: ['breathing_stops', 'cardiac', 'belt_slips'],
  days: ['wandering', 'not_up', 'night_toilet', 'away', 'guests'],
  water: ['leak', 'tap_left_on'],
  lines: ['gateway_down', 'power_cut', 'storm', 'battery_low'],
} as const
export type Group = keyof typeof GROUPS | 'other'

export function grouped(items: readonly Scenario[]): { group: Group; items: Scenario[] }[] {
  const left = new Map(items.map((one) => [one.name, one]))
  const found: { group: Group; items: Scenario[] }[] = []
  for (const [group, names] of Object.entries(GROUPS) as [Group, readonly string[]][]) {
    const here = names.flatMap((name) => left.get(name) ?? [])
    for (const one of here) left.delete(one.name)
    if (here.length > 0) found.push({ group, items: here })
  }
  if (left.size > 0) found.push({ group: 'other', items: [...left.values()] })
  return found
}

/** Seconds until a truth ought to be raised at the latest; null where nothing is due, never below 0. */
export function left_s(truth: JudgedTruth, now_ms: number): number | null {
  if (truth.expect === null) return null
  return Math.max(0, Math.ceil((Date.parse(truth.expect.by) - now_ms) / 1000))
}

/** Messages a minute between two looks at the counter; null before the second look, or when it began anew. */
export function perMinute(before: { at_ms: number; count: number } | null, now: { at_ms: number; count: number }): number | null {
  if (before === null || now.at_ms <= before.at_ms || now.count < before.count) return null
  return Math.round(((now.count - before.count) * 60_000) / (now.at_ms - before.at_ms))
}

/** The values that are offered for each kind of fault: shares, or seconds. Cuts have none. */
export const VALUES: Readonly<Record<string, readonly number[]>> = {
  loss: [0.05, 0.3, 1],
  duplicate: [0.1, 0.5, 1],
  reorder: [0.1, 0.5, 1],
  stuck: [0.3, 1],
  delay: [2, 30, 120],
  drift: [30, 90, 600],
}
/** What can be done to the line to the screens, and the values that are offered: seconds, for `drop` events, none for a restart. */
export const LINK: Readonly<Record<'silent' | 'drop' | 'lie' | 'restart', readonly number[]>> = { silent: [10, 20, 60], drop: [1, 3, 10], lie: [20, 60], restart: [] }
export const isLink = (fault: string): fault is keyof typeof LINK => fault in LINK
export const isShare = (fault: string): boolean => ['loss', 'duplicate', 'reorder', 'stuck'].includes(fault)
/** what concerns everybody: neither a home nor a value */
export const isForAll = (fault: string): boolean => fault === 'broker_cut' || fault.startsWith('push_')
export const isCut = (fault: string): boolean => !(fault in VALUES) && !isForAll(fault)
