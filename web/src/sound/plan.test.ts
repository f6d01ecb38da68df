import { describe, expect, it } from 'vitest'
import { TUNES, lasts } from './patterns'
import { isMuted, mute, plan, SILENT, unmute, type SoundFacts, type SoundMemory } from './plan'

const facts = (now_ms: number, more: Partial<SoundFacts> = {}): SoundFacts => ({ now_ms, red: [], yellow: [], blue: [], trouble: false, flood: false, ...more })
const one = (id: string, since_ms = 0) => ({ id, since_ms })

/** Runs the plan four times a second, as the page does, and notes what was played when. */
function listen(from_ms: number, to_ms: number, what: (now: number) => Partial<SoundFacts>, memory: SoundMemory = SILENT) {
  const heard: { at: number; pattern: string; volume: number; restart: boolean }[] = []
  for (let now = from_ms; now <= to_ms; now += 250) {
    const planned = plan(memory, facts(now, what(now)))
    memory = planned.memory
    for (const burst of planned.bursts) heard.push({ at: now, ...burst })
  }
  return { heard, memory }
}
const times = (heard: { at: number; pattern: string }[], pattern: string) => heard.filter((one) => one.pattern === pattern).map((one) => one.at)

describe('red', () => {
  it('sounds at once and every 5 s until somebody takes it', () => {
    const { heard } = listen(0, 20_000, (now) => ({ red: now < 12_000 ? [one('a')] : [] }))
    expect(times(heard, 'red')).toEqual([0, 5_000, 10_000])
  })
  it('starts again with each new red', () => {
    const { heard } = listen(0, 9_000, (now) => ({ red: now < 2_000 ? [one('a')] : [one('a'), one('b', 2_000)] }))
    expect(times(heard, 'red')).toEqual([0, 2_000, 7_000])
    expect(heard[1]?.restart).toBe(true)
  })
  it('is at full volume from 30 s on', () => {
    const { heard } = listen(0, 36_000, () => ({ red: [one('a')] }))
    expect(heard.filter((burst) => burst.at < 30_000).every((burst) => burst.volume < 1)).toBe(true)
    expect(heard.filter((burst) => burst.at >= 30_000).every((burst) => burst.volume === 1)).toBe(true)
  })
  it('in a flood a level sounds at most once in 5 s', () => {
    const { heard } = listen(0, 20_000, (now) => ({ flood: true, red: Array.from({ length: 1 + Math.floor(now / 250) }, (_, n) => one(`a${n}`, n * 250)) }))
    const at = times(heard, 'red')
    expect(at.every((time, index) => index === 0 || time - at[index - 1]! >= 5_000)).toBe(true)
  })
  it('a case that comes back after being taken sounds as a new one', () => {
    const { heard } = listen(0, 5_000, (now) => ({ red: now < 1_000 || now >= 4_000 ? [one('a')] : [] }))
    expect(times(heard, 'red')).toEqual([0, 4_000])
  })
})

describe('the other levels', () => {
  it('yellow sounds every 20 s for at most 3 minutes', () => {
    const { heard } = listen(0, 400_000, () => ({ yellow: [one('y')] }))
    expect(times(heard, 'yellow')).toEqual([0, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000, 140_000, 160_000])
  })
  it('a yellow that waited long before this screen opened does not sound', () => {
    expect(listen(600_000, 640_000, () => ({ yellow: [one('y', 0)] })).heard).toEqual([])
  })
  it('blue sounds once for each case, and not in a flood', () => {
    expect(times(listen(0, 60_000, () => ({ blue: [one('b')] })).heard, 'blue')).toEqual([0])
    expect(listen(0, 10_000, () => ({ flood: true, blue: [one('b')] })).heard).toEqual([])
  })
  it('the technical sound comes every 10 s until the link is back', () => {
    expect(times(listen(0, 30_000, (now) => ({ trouble: now < 25_000 })).heard, 'technical')).toEqual([0, 10_000, 20_000])
  })
})

describe('mute', () => {
  it('holds for two minutes and no longer', () => {
    const { heard } = listen(250, 130_000, () => ({ red: [one('a')] }), mute(listen(0, 0, () => ({ red: [one('a')] })).memory, 0))
    expect(times(heard, 'red')[0]).toBeGreaterThanOrEqual(120_000)
    expect(times(heard, 'red').length).toBeGreaterThan(0)
  })
  it('ends at once for a new red', () => {
    const muted = mute(listen(0, 0, () => ({ red: [one('a')] })).memory, 0)
    const { heard, memory } = listen(250, 3_000, (now) => ({ red: now < 2_000 ? [one('a')] : [one('a'), one('b', 2_000)] }), muted)
    expect(times(heard, 'red')).toEqual([2_000])
    expect(isMuted(memory, 3_000)).toBe(false)
  })
  it('ends at once when the link is lost', () => {
    expect(times(listen(0, 1_000, (now) => ({ trouble: now >= 500 }), mute(SILENT, 0)).heard, 'technical')).toEqual([500])
  })
  it('can be ended by hand', () => {
    expect(isMuted(unmute(mute(SILENT, 0)), 1)).toBe(false)
  })
})

describe('the patterns', () => {
  it('have a count of their own each: 10, 3, 1 and 2 notes', () => {
    expect(Object.fromEntries(Object.entries(TUNES).map(([name, tune]) => [name, tune.notes.length]))).toEqual({ red: 10, yellow: 3, blue: 1, technical: 2 })
  })
  it('red keeps to pulses of 80–150 ms between 523 and 784 Hz and ends before it repeats', () => {
    expect(TUNES.red.notes.every((note) => note.lasts >= 0.08 && note.lasts <= 0.15 && note.hertz >= 523 && note.hertz <= 784)).toBe(true)
    expect(lasts(TUNES.red)).toBeLessThan(5)
    expect(TUNES.red.harmonics).toHaveLength(5)
  })
  it('the technical sound falls', () => {
    expect(TUNES.technical.notes[1]!.hertz).toBeLessThan(TUNES.technical.notes[0]!.hertz)
  })
})
