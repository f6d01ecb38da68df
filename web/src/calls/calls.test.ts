import { describe, expect, it } from 'vitest'
import { act, isDue, nextAfter, reached, type CallToday } from './calls'

const NOON = Date.parse('2026-05-23T04:00:00Z')
const one = (resident: string, state: CallToday['state'], next_at: string | null = null): CallToday =>
  ({ resident, state, next_at, home: 'h1', name: resident, address: '', phone: null, tier: 'key', flags: [], attempts: [], tags: [], micro_grid: null, mine: true, rounds: [], visit: null, follows: 'ring', attempts_left: 3, correct_until: null, cases: [] })

describe('who is to be rung', () => {
  it('waits half an hour after nobody answered', () => {
    expect(isDue(one('a', 'todo'), NOON)).toBe(true)
    expect(isDue(one('a', 'again', '2026-05-23T04:10:00Z'), NOON)).toBe(false)
    expect(isDue(one('a', 'again', '2026-05-23T03:59:00Z'), NOON)).toBe(true)
    expect(isDue(one('a', 'not_reached'), NOON)).toBe(false)
  })
  it('goes on below, then from the top, and ends when nobody is due', () => {
    const items = [one('a', 'todo'), one('b', 'well'), one('c', 'again', '2026-05-23T05:00:00Z'), one('d', 'todo')]
    expect(nextAfter(items, 'a', NOON)?.resident).toBe('d')
    expect(nextAfter(items, 'd', NOON)?.resident).toBe('a')
    expect(nextAfter([one('a', 'todo')], 'a', NOON)).toBeNull()
    expect(nextAfter(items, null, NOON)?.resident).toBe('a')
    expect(reached(items)).toBe(1)
  })
})

it('leaves keys alone in fields, on controls and when they are off', () => {
  const here = { inField: false, onControl: false, enabled: true, dialing: true }
  expect([act('j', here), act('1', here), act('3', here), act('N', here)]).toEqual(['next', 'well', 'not_reached', 'note'])
  expect(act('1', { ...here, dialing: false })).toBeNull()
  expect(act('1', { ...here, inField: true })).toBeNull()
  expect(act('j', { ...here, enabled: false })).toBeNull()
  expect(act('Enter', { ...here, onControl: true })).toBeNull()
})
