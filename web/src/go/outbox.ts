/**
 * Taps that must not be lost: kept on the phone, sent in order, each with the time it was made. Pure but for the two doors
 * (where it is kept, how it is sent), which come in as arguments.
 *
 * A tap is done when the service says so, or when it says that it cannot be (then it is told to the person, never dropped
 * in silence). While nobody answers, everything waits. The same tap twice has the same key and counts once.
 */
import { Refusal, type CommandName } from '../api/client'
import type { Alert } from '../api/types'

export interface Tap {
  key: string
  alert: string
  command: CommandName
  note?: string
  /** on the door card, of an arrival */
  code?: string
  /** who takes over, of a hand-over; 120, of a note that an ambulance is needed; the home that was looked after */
  to?: string
  /** how it went at that home */
  result?: 'safe' | 'no_answer' | 'visit'
  /** when the finger was there */
  at: string
}

export interface Doors {
  keep: (taps: readonly Tap[]) => void
  kept: () => Tap[]
  /** sends one tap; `late` is how many seconds ago it was made */
  send: (tap: Tap, version: number, late_s: number) => Promise<Alert>
  /** the case as it is known here */
  version: (alert: string) => Promise<number>
  now: () => number
}

export type Sent = { tap: Tap; alert: Alert } | { tap: Tap; refused: string }

const TRIES = 4

/** A tap is added once: the same step of the same case that still waits is the same finger. Of a home that was looked after only the last word is compared: put right twice, it is a word again. */
export function added(taps: readonly Tap[], tap: Tap): readonly Tap[] {
  const alike = taps.filter((one) => one.alert === tap.alert && one.command === tap.command && one.to === tap.to)
  const twice = tap.command === 'check' ? alike.at(-1)?.result === tap.result : tap.command !== 'note' && alike.some((one) => one.code === tap.code)
  return twice ? taps : [...taps, tap]
}

/** Sends what waits, first things first; stops at the first that nobody answers. Gives what became of each. */
export async function deliver(doors: Doors): Promise<Sent[]> {
  const done: Sent[] = []
  for (;;) {
    const [tap] = doors.kept()
    if (tap === undefined) return done
    const late_s = Math.max(0, Math.round((doors.now() - Date.parse(tap.at)) / 1000))
    try {
      let version = await doors.version(tap.alert)
      for (let attempt = 1; ; attempt += 1) {
        try {
          done.push({ tap, alert: await doors.send(tap, version, late_s) })
          break
        } catch (error) {
          const current = error instanceof Refusal && error.reason === 'version_conflict' ? error.problem.alert : undefined
          if (current === undefined || attempt >= TRIES) throw error
          version = current.version
        }
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.status === 0 || error.status >= 500 || error.status === 401 || error.status === 429) return done
      done.push({ tap, refused: error.reason })
    }
    doors.keep(doors.kept().filter((one) => one.key !== tap.key))
  }
}

/** Of a word that an ambulance is needed: it waits here, or the desk has it (`delivered`: of which case); null: nobody said so. */
export function ambulance(taps: readonly Tap[], alert: string, delivered: string | null): 'waits' | 'told' | null {
  if (taps.some((one) => one.alert === alert && needs120(one))) return 'waits'
  return delivered === alert ? 'told' : null
}
export const needs120 = (tap: Tap): boolean => tap.command === 'note' && tap.to === '120'
