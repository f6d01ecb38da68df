import { describe, expect, it } from 'vitest'
import { wallClock } from '../words/time'
import { areaOf, barsOf, marksOf, pathOf, place, pointAt, scaleOf, valueAt, type Point } from './axis'

const window = { from: Date.parse('2026-05-22T16:00:00Z'), to: Date.parse('2026-05-23T16:00:00Z') }
const at = (hour: number): string => new Date(window.from + hour * 3_600_000).toISOString()
const piece = (from: number, to: number): Point[] =>
  Array.from({ length: Math.round((to - from) * 12) }, (_, n) => [at(from + n / 12), 60, 58, 63])

describe('a line of time', () => {
  it('draws a gap of two hours as two lines', () => {
    const scale = scaleOf([58, 63], null, 100, 30)
    const path = pathOf([piece(0, 3), piece(5, 8)], window, scale)
    expect(path.match(/M/g)).toHaveLength(2)
    expect(areaOf([piece(0, 3), piece(5, 8)], window, scale).match(/Z/g)).toHaveLength(2)
  })
  it('shows a lone value', () => {
    expect(pathOf([[[at(1), 60, 60, 60]]], window, scaleOf([60], null, 100, 30))).toMatch(/^M[\d. ]+h2$/)
  })
  it('marks whole hours of the community', () => {
    expect(marksOf(window, wallClock('Asia/Shanghai', 'zh-CN')).map((mark) => mark.words)).toEqual(['00:00', '03:00', '06:00', '09:00', '12:00', '15:00', '18:00', '21:00'])
  })
  it('keeps a minute visible and cuts at the edges', () => {
    expect(barsOf([{ from: at(1), to: at(1.005), value: true }, { from: at(-5), to: at(-1), value: true }], window)).toEqual([{ x: 41.7, width: 1.2, value: true }])
    expect(place(window.to + 1e9, window)).toBe(1000)
  })
  it('says nothing where nothing was heard', () => {
    expect(valueAt([{ from: at(1), to: at(2), value: false }], Date.parse(at(3)))).toBeUndefined()
    expect(pointAt([piece(0, 1)], Date.parse(at(3)), 300_000)).toBeNull()
    expect(pointAt([piece(0, 1)], Date.parse(at(0.5)), 300_000)?.[1]).toBe(60)
  })
  it('has a scale that holds the usual range too', () => {
    const scale = scaleOf([60, 62], [50, 80], 100, 30)
    expect(scale.low).toBeLessThanOrEqual(50)
    expect(scale.high).toBeGreaterThanOrEqual(80)
  })
})
