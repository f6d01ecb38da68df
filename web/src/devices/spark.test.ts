import { describe, expect, it } from 'vitest'
import { span, spark } from './spark'

describe('a line of days', () => {
  it('is nothing for fewer than two days', () => {
    expect(spark([], 0, 100)).toBe('')
    expect(spark([['2026-05-01', 50]], 0, 100)).toBe('')
  })
  it('breaks where days are missing instead of drawing across', () => {
    const path = spark([['2026-05-01', 100], ['2026-05-02', 50], ['2026-05-08', 40], ['2026-05-11', 0]], 0, 100)
    expect(path.match(/M/g)).toHaveLength(3)
    expect(path.startsWith('M0.0 1.0L10.0 12.0M70.0')).toBe(true)
  })
  it('keeps what is out of bounds inside', () => {
    expect(spark([['2026-05-01', 140], ['2026-05-02', -3]], 0, 100)).toBe('M0.0 1.0L100.0 23.0')
  })
})

describe('a span', () => {
  const w = { secondsLong: (n: string) => `${n} s`, minutes: (n: number) => `${n} min`, hours: (n: number) => `${n} h`, days: (n: number) => `${n} d` }
  it('has the unit that reads best', () => {
    expect([0.4, 61, 600, 10_800, 90_000, 259_200].map((s) => span(s, w))).toEqual(['0.4 s', '61 s', '10 min', '3 h', '25 h', '3 d'])
  })
})
