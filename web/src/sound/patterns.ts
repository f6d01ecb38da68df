/**
 * The notes of each pattern, after IEC 60601-1-8 in spirit (ux.md 7.5; no conformity is claimed). Pure.
 * Red: 3 + 2 pulses, twice, 130 ms each, 523–784 Hz, four harmonics. The technical sound falls and has another timbre,
 * so that nobody takes a broken line for a resident.
 */
import type { Pattern } from './plan'

export interface Note {
  /** seconds from the start of the burst */
  at: number
  lasts: number
  hertz: number
}

export interface Tune {
  notes: readonly Note[]
  /** strength of the fundamental and its harmonics */
  harmonics: readonly number[]
}

const run = (start: number, hertz: readonly number[], step: number, lasts: number): Note[] =>
  hertz.map((one, index) => ({ at: start + index * step, lasts, hertz: one }))

const C5 = 523.25
const E5 = 659.25
const G5 = 783.99
const five = (start: number): Note[] => [...run(start, [C5, E5, G5], 0.21, 0.13), ...run(start + 0.78, [G5, C5], 0.21, 0.13)]

export const TUNES: Readonly<Record<Pattern, Tune>> = {
  red: { notes: [...five(0), ...five(1.42)], harmonics: [1, 0.8, 0.6, 0.45, 0.3] },
  yellow: { notes: run(0, [C5, E5, C5], 0.42, 0.2), harmonics: [1, 0.5, 0.25, 0.12] },
  blue: { notes: run(0, [G5], 0.4, 0.35), harmonics: [1, 0.12] },
  technical: { notes: run(0, [440, 311.13], 0.34, 0.3), harmonics: [1, 0, 0.5, 0, 0.35, 0, 0.2] },
}

export const lasts = (tune: Tune): number => Math.max(...tune.notes.map((note) => note.at + note.lasts))
