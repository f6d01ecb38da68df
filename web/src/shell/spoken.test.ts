import { describe, expect, it } from 'vitest'
import type { Alert } from '../api/types'
import { anAlert, at } from '../testing'
import { EVERY_MS, Spoken } from './spoken'

const words = { case: (alert: Alert) => `${alert.level} ${alert.id}`, more: (first: string, n: number) => `${first} +${n}` }
const red = (id: string, more: Partial<Alert> = {}): Alert => anAlert({ id, ...more })
const blue = (id: string): Alert => anAlert({ id, level: 'blue' })

describe('what is heard', () => {
  it('is every red that waits, at once, and of what was there before only those', () => {
    const spoken = new Spoken()
    spoken.hear([red('a'), blue('b')])
    expect(spoken.say(0, words)).toEqual({ words: 'red a', how: 'alert' })
    expect(spoken.say(EVERY_MS, words)).toBeNull()
    spoken.hear([red('a'), blue('b'), blue('c')])
    expect(spoken.say(EVERY_MS, words)).toEqual({ words: 'blue c', how: 'status' })
  })
  it('is at most one sentence in five seconds, and that names the oldest and how many more', () => {
    const spoken = new Spoken()
    spoken.hear([])
    spoken.hear([red('a')])
    expect(spoken.say(0, words)?.words).toBe('red a')
    spoken.hear([red('a'), red('b', { raised_at: at(10) }), red('c', { raised_at: at(40) }), blue('d')])
    expect(spoken.say(EVERY_MS - 1, words)).toBeNull()
    expect(spoken.say(EVERY_MS, words)).toEqual({ words: 'red c +1', how: 'alert' })
    expect(spoken.say(2 * EVERY_MS, words)).toEqual({ words: 'blue d', how: 'status' })
  })
  it('is not what somebody has taken meanwhile, and is again what came back', () => {
    const spoken = new Spoken()
    spoken.hear([red('a')])
    spoken.say(0, words)
    spoken.hear([red('a', { state: 'acknowledged' }), red('b')])
    spoken.hear([red('a', { state: 'acknowledged' }), red('b', { state: 'acknowledged' })])
    expect(spoken.say(EVERY_MS, words)).toBeNull()
    spoken.hear([red('a', { state: 'acknowledged', resumed: true })])
    expect(spoken.say(EVERY_MS, words)?.words).toBe('red a')
  })
})
