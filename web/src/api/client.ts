/**
 * The only place that speaks HTTP. Every call ends in a value or in a `Refusal` that names its reason;
 * `reason: "unreachable"` means that nobody answered, so the person must be told that nothing was delivered.
 */
import type {
  Alert, Codes, CommunityMap, Duty, FamilyNews, Me, Problem, ResidentCard, ResidentDays, Strip, TimelineItem, ViewName,
} from './types'
import type { components } from './schema'
import { whole } from './whole'

type Schemas = components['schemas']

const ROOT = '/api/v1'
const PATIENCE_MS = 8_000 // longer than the slowest command measured; a person repeats a key sooner than that

export class Refusal extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.detail ?? problem.reason)
    this.problem = problem
  }
  get reason(): string {
    return this.problem.reason
  }
  get status(): number {
    return this.problem.status
  }
}

/** A random id that also works on a plain-http address, where crypto.randomUUID does not exist. */
export function freshId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export async function ask<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  let response: Response
  let text = ''
  try {
    response = await fetch(ROOT + path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    // an answer that stalls half-way is no answer either
    if (response.status !== 204) text = await response.text()
  } catch {
    throw new Refusal({ status: 0, reason: 'unreachable' })
  }
  if (response.status === 204) return undefined as T
  let answer: unknown
  try {
    answer = text === '' ? undefined : JSON.parse(text)
  } catch {
    answer = response.ok ? text : undefined // a file
  }
  if (response.ok) return answer as T
  const problem = (answer ?? {}) as Partial<Problem>
  if (response.status === 401 && problem.reason !== 'bad_credentials') signedOut()
  // programs are told the field by its name; people read the sentence behind it
  if (problem.detail) problem.detail = problem.detail.replace(/^[a-z_]+(\.[a-z_]+)*: (?=.*\p{Script=Han})/u, '')
  throw new Refusal({ ...problem, status: response.status, reason: problem.reason ?? `http_${response.status}` })
}

const at = encodeURIComponent

let signedOut = (): void => undefined
/** Called whenever the service answers that nobody is signed in here. */
export function whenSignedOut(tell: () => void): void {
  signedOut = tell
}

export type CommandName =
  | 'acknowledge' | 'call' | 'dispatch' | 'accept' | 'decline' | 'depart' | 'arrive' | 'note' | 'hold' | 'reopen' | 'undo' | 'close' | 'check' | 'with_me' | 'hand_over'

export interface Beat {
  screen: string
  view: ViewName
  last: string
  link: string
  audio: string
  visible: boolean
  build: string
  focus: string
}

export const api = {
  me: () => ask<Me>('GET', '/session'),
  signIn: (username: string, password: string, to_act = false) => ask<Me>('POST', '/session', { username, password, ...(to_act ? { to_act } : {}) }),
  signOut: () => ask<void>('DELETE', '/session'),
  openAlerts: async (): Promise<Alert[]> => {
    const found: Alert[] = []
    for (let next: string | null = ''; next !== null;) {
      const page: { items: Alert[]; next: string | null } = await ask('GET', `/alerts?state=open&limit=500${next && `&cursor=${at(next)}`}`)
      found.push(...page.items.map(whole))
      next = page.next
    }
    return found
  },
  alert: async (id: string) => whole(await ask<Alert>('GET', `/alerts/${at(id)}`)),
  timeline: async (id: string): Promise<TimelineItem[]> => {
    const answer = await ask<TimelineItem[] | { items: TimelineItem[] }>('GET', `/alerts/${at(id)}/events`)
    return Array.isArray(answer) ? answer : answer.items
  },
  command: async (id: string, name: CommandName, body: { version: number } & Record<string, unknown>, key = freshId()) =>
    whole(await ask<Alert>('POST', `/alerts/${at(id)}/${name}`, body, { 'idempotency-key': key })),
  codes: () => ask<Codes>('GET', '/codes'),
  strip: (home: string, minutes = 60) => ask<Strip>('GET', `/homes/${at(home)}/strip?minutes=${minutes}`),
  duty: (alert?: string, view?: 'wall') => ask<Duty>('GET', alert === undefined ? '/duty/now' : `/duty/now?alert=${at(alert)}${view === undefined ? '' : `&view=${view}`}`),
  map: () => ask<CommunityMap>('GET', '/map'),
  beat: (beat: Beat) => ask<void>('POST', '/beats', beat),
  residents: (words: string) => ask<Schemas['Residents']>('GET', `/residents?q=${at(words)}`),
  resident: (id: string) => ask<ResidentCard>('GET', `/residents/${at(id)}`),
  residentDays: (id: string, days: string, reason: string) => ask<ResidentDays>('GET', `/residents/${at(id)}/days?days=${days}&reason=${at(reason)}`),
  homes: () => ask<Schemas['Homes']>('GET', '/homes'),
  devices: () => ask<Schemas['Devices']>('GET', '/devices'),
  unclaimed: () => ask<Schemas['UnclaimedList']>('GET', '/devices/unclaimed'),
  quarantine: () => ask<Schemas['Quarantine']>('GET', '/quarantine'),
  week: (from: string | null) => ask<Schemas['Week']>('GET', from === null ? '/duty/week' : `/duty/week?from=${at(from)}`),
  ahead: () => ask<Schemas['Ahead']>('GET', '/duty/ahead'),
  coverage: () => ask<Schemas['Coverage']>('GET', '/duty/coverage'),
  kpis: (wanted: Record<string, string>) => ask<Schemas['Kpi']>('GET', `/kpis?${new URLSearchParams(wanted)}`),
  family: () => ask<FamilyNews>('GET', '/family'),
  doorCode: (alert: string, home?: string) => ask<{ door_code: string }>('POST', `/alerts/${at(alert)}/door${home === undefined ? '' : `?home=${at(home)}`}`),
  pushKey: () => ask<Schemas['PushKey']>('GET', '/push'),
  subscribe: (subscription: Schemas['PushSubscription']) => ask<void>('POST', '/push', subscription),
}
