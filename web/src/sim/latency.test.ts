import { expect, it } from 'vitest'
import { binsOf, medianOf } from './latency'

it('each wait falls into the first bin that holds it, the longest into the last', () => {
  const bins = binsOf([0.05, 0.1, 0.3, 31])
  expect(bins.map((bin) => bin.count)).toEqual([2, 0, 1, 0, 0, 0, 0, 0, 1])
  expect(bins[0]!.share).toBe(1)
  expect(binsOf([]).every((bin) => bin.share === 0)).toBe(true)
})

it('the median of nothing is nothing', () => {
  expect(medianOf([])).toBeNull()
  expect(medianOf([3, 1, 2])).toBe(2)
  expect(medianOf([1, 2])).toBe(1.5)
})
