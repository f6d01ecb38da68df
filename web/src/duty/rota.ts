/** Changes of the rota: what is asked of the service, and the wall clock of the community in a form's fields. */
import { ask } from '../api/client'
import type { components } from '../api/schema'

type Schemas = components['schemas']
export type RotaChange = Schemas['RotaChangeBody']
export type WeekStaff = Schemas['WeekStaff']
export type Wanted = Partial<Schemas['RotaChangeSaid']>
/** what a change would leave empty, places of the rota and homes that nobody would reach in time; who would work two shifts at once, or in a role that is not theirs */
export interface Opened {
  gaps: { place: string; name: string; from: string; to: string }[]
  holes: { from: string; to: string; count: number; homes: { home: string; name: string }[] }[]
  doubles: { staff: string; name: string; from: string; to: string }[]
  others: { staff: string; name: string; role: string; role_words: string; for: string; for_role: string; for_role_words: string }[]
}

/** What whoever saves it all the same has read: the word on that key. */
export const asked = (found: Opened): 'anyway' | 'anywayTwice' | 'anywayOther' => (found.gaps.length + found.holes.length > 0 ? 'anyway' : found.doubles.length > 0 ? 'anywayTwice' : 'anywayOther')

export const rota = {
  changes: () => ask<Schemas['RotaChanges']>('GET', '/duty/changes'),
  change: (wanted: Wanted) => ask<Schemas['RotaChanges']>('POST', '/duty/changes', wanted),
  asks: () => ask<Schemas['RotaAsks']>('GET', '/duty/asks'),
  confirm: (id: string, confirm: boolean) => ask<Schemas['RotaAsks']>('POST', `/duty/asks/${encodeURIComponent(id)}/confirm`, { confirm }),
  decline: (id: string) => ask<Schemas['RotaAsks']>('POST', `/duty/asks/${encodeURIComponent(id)}/decline`, {}),
  withdraw: (id: string, confirm: boolean) => ask<Schemas['RotaChanges']>('POST', `/duty/changes/${encodeURIComponent(id)}/withdraw`, { confirm }),
}

const faces = new Map<string, Intl.DateTimeFormat>()
/** A formatter is costly to make (words/time.ts), and a week of sixty people asks for four hundred of its answers. */
function face(zone: string): Intl.DateTimeFormat {
  const known = faces.get(zone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' })
  faces.set(zone, made)
  return made
}

/** 「2026-05-23T07:00」 of a moment on the community's clock: what a `datetime-local` field holds and the service reads. */
export function fieldOf(at_ms: number, zone: string): string {
  const parts = face(zone).formatToParts(at_ms)
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? ''
  return `${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}`
}

export interface Turn {
  /** index of the shift in the list of its person, and what a select says */
  key: string
  from: string
  to: string
}

/** Somebody's own shifts that are not over, each once, in order; what is stood in for is another's, and work all the same. */
export function turnsOf(person: string, weeks: readonly (readonly WeekStaff[])[], now_ms: number, work = false): Turn[] {
  const found = new Map<string, Turn>()
  for (const staff of weeks) {
    for (const shift of staff.find((one) => one.id === person)?.shifts ?? []) {
      if ((shift.covers !== null && !work) || Date.parse(shift.to) <= now_ms) continue
      found.set(shift.from, { key: shift.from, from: shift.from, to: shift.to })
    }
  }
  return [...found.values()].sort((a, b) => a.from.localeCompare(b.from))
}

const meet = (a: Turn, b: Turn): boolean => a.from < b.to && b.from < a.to
/** The first shift of the other for which neither would work two at once: `mine` is given for it. Null when there is none. */
export function freeFor(mine: Turn | null, theirs: readonly Turn[], iWork: readonly Turn[], theyWork: readonly Turn[]): Turn | null {
  if (mine === null) return null
  const bound = (work: readonly Turn[], given: Turn, taken: Turn): boolean => work.some((one) => one.key !== given.key && meet(one, taken))
  return theirs.find((one) => !bound(iWork, mine, one) && !bound(theyWork, one, mine)) ?? null
}
