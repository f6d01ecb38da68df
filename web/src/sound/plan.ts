/**
 * Which sound is due now. (memory, what is open, now) → (memory, bursts to play). Pure; sound/speaker.ts plays them.
 * The rules are ux.md 7.5: red repeats every 5 s until somebody takes it and starts again with each new red; yellow
 * every 20 s for at most 3 minutes, and so does a case to which nobody came in time; blue once; the technical sound every 10 s until the link is back.
 */
export type Pattern = 'red' | 'yellow' | 'blue' | 'technical'

export interface Burst {
  pattern: Pattern
  /** 0–1; red is at full volume from 30 s of waiting on */
  volume: number
  /** cut off what is sounding and begin again */
  restart: boolean
}

export interface Open {
  id: string
  /** our clock, when the waiting began */
  since_ms: number
}

export interface SoundFacts {
  now_ms: number
  /** waiting reds, yellows and blues; among the yellows whatever nobody came to in time */
  red: readonly Open[]
  yellow: readonly Open[]
  blue: readonly Open[]
  trouble: boolean
  flood: boolean
}

export interface SoundMemory {
  red: ReadonlySet<string>
  yellow: ReadonlySet<string>
  blue: ReadonlySet<string>
  last_ms: Readonly<Record<Pattern, number>>
  trouble: boolean
  muted_until_ms: number
}

export const SILENT: SoundMemory = {
  red: new Set(), yellow: new Set(), blue: new Set(),
  last_ms: { red: -Infinity, yellow: -Infinity, blue: -Infinity, technical: -Infinity },
  trouble: false, muted_until_ms: -Infinity,
}

export const RED_EVERY_MS = 5_000
export const RED_FULL_AFTER_MS = 30_000
export const YELLOW_EVERY_MS = 20_000
export const YELLOW_FOR_MS = 180_000
export const TECHNICAL_EVERY_MS = 10_000
export const BURST_GAP_MS = 5_000 // at most one burst a level in 5 s while a storm lasts
export const MUTE_MS = 120_000
const BLUE_FRESH_MS = 60_000 // a blue that is older than this was heard on another screen, or before this one opened

export const mute = (memory: SoundMemory, now_ms: number): SoundMemory => ({ ...memory, muted_until_ms: now_ms + MUTE_MS })
export const unmute = (memory: SoundMemory): SoundMemory => ({ ...memory, muted_until_ms: -Infinity })
export const isMuted = (memory: SoundMemory, now_ms: number): boolean => now_ms < memory.muted_until_ms

export function plan(memory: SoundMemory, facts: SoundFacts): { memory: SoundMemory; bursts: Burst[] } {
  const { now_ms } = facts
  const last = { ...memory.last_ms }
  const bursts: Burst[] = []
  const fresh = (known: ReadonlySet<string>, open: readonly Open[]): Open[] => open.filter((one) => !known.has(one.id))
  const newRed = fresh(memory.red, facts.red).length > 0
  const newTrouble = facts.trouble && !memory.trouble
  const muted_until_ms = newRed || newTrouble ? -Infinity : memory.muted_until_ms
  const loud = now_ms >= muted_until_ms
  const play = (pattern: Pattern, volume: number, restart: boolean): void => {
    last[pattern] = now_ms
    if (loud) bursts.push({ pattern, volume, restart })
  }
  const since = (pattern: Pattern): number => now_ms - last[pattern]

  if (facts.red.length > 0) {
    const gap = facts.flood ? BURST_GAP_MS : 0
    if ((newRed && since('red') >= gap) || since('red') >= RED_EVERY_MS) {
      const longest = Math.max(...facts.red.map((one) => now_ms - one.since_ms))
      play('red', longest >= RED_FULL_AFTER_MS ? 1 : 0.7, newRed)
    }
  }
  const yellowWaits = facts.yellow.filter((one) => now_ms - one.since_ms < YELLOW_FOR_MS)
  if (yellowWaits.length > 0 && facts.red.length === 0) {
    const newYellow = fresh(memory.yellow, yellowWaits).length > 0
    if ((newYellow && since('yellow') >= BURST_GAP_MS) || since('yellow') >= YELLOW_EVERY_MS) play('yellow', 0.6, false)
  }
  const newBlue = fresh(memory.blue, facts.blue).filter((one) => now_ms - one.since_ms < BLUE_FRESH_MS)
  if (newBlue.length > 0 && !facts.flood && facts.red.length === 0 && since('blue') >= BURST_GAP_MS) play('blue', 0.35, false)
  if (facts.trouble && (newTrouble || since('technical') >= TECHNICAL_EVERY_MS)) play('technical', 0.6, false)

  const ids = (open: readonly Open[]): ReadonlySet<string> => new Set(open.map((one) => one.id))
  return {
    memory: { red: ids(facts.red), yellow: ids(facts.yellow), blue: ids(facts.blue), last_ms: last, trouble: facts.trouble, muted_until_ms },
    bursts,
  }
}
