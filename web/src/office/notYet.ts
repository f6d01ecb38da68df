import { pages as p } from '../texts/pages'
import type { Loaded } from './useLoaded'

/** What stands where something asked for is not there: it is being read, or why it cannot be; null once it is there. */
export function notYet(of: Pick<Loaded<unknown>, 'value' | 'fault'>): string | null {
  const { faults, loading } = p.value
  if (of.value.value !== null) return null
  return of.fault.value === null ? loading : (faults[of.fault.value as keyof typeof faults] ?? faults.other)
}
