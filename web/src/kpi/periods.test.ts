import { describe, expect, it } from 'vitest'
import { wallClock } from '../words/time'
import { homeHours, periodOf, spreadOf } from './periods'

const clock = wallClock('Asia/Shanghai', 'zh-CN')
const noon = Date.parse('2026-05-23T04:06:42.500Z')

describe('periods on the calendar of the community', () => {
  it.each([
    ['today', '2026-05-22T16:00:00.000Z', undefined],
    ['week', '2026-05-16T16:00:00.000Z', undefined],
    ['month', '2026-04-30T16:00:00.000Z', undefined],
    ['last', '2026-03-31T16:00:00.000Z', '2026-04-30T16:00:00.000Z'],
  ] as const)('%s', (period, from, to) => {
    expect(periodOf(period, noon, clock)).toEqual({ from, to })
  })
})

describe('the distribution behind a figure', () => {
  const figure = (seconds: (number | null)[]) => ({
    value: 50, n: seconds.length, kept: 1, target: 97.5, limit_seconds: 60, median_seconds: 30,
    cases: seconds.map((one, n) => ({ id: `a${n}`, number: n, home: 'h', code: 'SM1', raised_at: '', seconds: one, kept: one !== null && one <= 60 })),
  })
  it('counts every case once, and what never happened apart', () => {
    const bins = spreadOf(figure([5, 60, 61, 500, null]))
    expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(5)
    expect(bins[0]?.count).toBe(1)
    expect(bins[5]).toMatchObject({ count: 1, late: false })
    expect(bins[6]).toMatchObject({ count: 1, late: true })
    expect(bins.at(-2)).toMatchObject({ words: '>180″', count: 1, late: true })
    expect(bins.at(-1)).toMatchObject({ words: null, count: 1, late: true })
  })
})

it.each([[0, '0.0'], [0.01, '< 0.1'], [0.05, '0.1'], [1.04, '1.0'], [4140, '4,140']])('%d home-hours read %s', (hours, words) => {
  expect(homeHours(hours)).toBe(words)
})
