/** What the page of the day's calls asks and sends, and what it makes of it. The judging part is pure. */
import { ask, freshId } from '../api/client'
import type { components } from '../api/schema'

export type CallsToday = components['schemas']['CallsToday']
export type CallToday = components['schemas']['CallToday']
export type Outcome = 'well' | 'request' | 'not_reached'
export const WHATS = ['visit', 'repair', 'errand', 'meal', 'medical', 'other'] as const
export type What = (typeof WHATS)[number]

export const calls = {
  today: () => ask<CallsToday>('GET', '/calls'),
  /** `id` names this very attempt: sent twice it is one */
  note: (word: { resident: string; outcome: Outcome; what?: What; note: string; id: string }) => ask<CallsToday>('POST', '/calls', word),
  begin: (title: string, residents: readonly string[]) => ask<unknown>('POST', '/rounds', { title, residents }),
  id: freshId,
}

/** Whether a call is wanted now: nobody rang yet, or the wait after an unanswered call is over. */
export const isDue = (one: CallToday, now_ms: number): boolean =>
  one.state === 'todo' || (one.state === 'again' && (one.next_at === null || Date.parse(one.next_at) <= now_ms))

/** The next one to be rung after somebody: further down the list first, then from its top; null when nobody is due. */
export function nextAfter(items: readonly CallToday[], resident: string | null, now_ms: number): CallToday | null {
  const at = items.findIndex((one) => one.resident === resident)
  const turned = [...items.slice(at + 1), ...items.slice(0, at + 1)]
  return turned.find((one) => one.resident !== resident && isDue(one, now_ms)) ?? null
}

export const reached = (items: readonly CallToday[]): number => items.filter((one) => one.state === 'well' || one.state === 'request').length

/** What a key means while a card is open; fields and controls keep their own keys. */
export type Act = 'next' | 'previous' | 'open' | 'note' | Outcome
export function act(key: string, where: { inField: boolean; onControl: boolean; enabled: boolean; dialing: boolean }): Act | null {
  if (where.inField || !where.enabled) return null
  switch (key.toLowerCase()) {
    case 'j':
      return 'next'
    case 'k':
      return 'previous'
    case 'enter':
      return where.onControl ? null : 'open'
    case 'n':
      return where.dialing ? 'note' : null
    case '1':
      return where.dialing ? 'well' : null
    case '2':
      return where.dialing ? 'request' : null
    case '3':
      return where.dialing ? 'not_reached' : null
  }
  return null
}
