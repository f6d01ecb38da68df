import { expect, it } from 'vitest'
import type { StripRow } from '../api/types'
import { linePath, spansOf, tellingFirst, ticksOf } from './strip'

const from = Date.parse('2026-05-23T11:00:00Z')
const window = { from, to: from + 3_600_000 }
const T = (minute: number) => new Date(from + minute * 60_000).toISOString()

it('places spans on the hour and cuts what lies outside', () => {
  expect(spansOf([{ from: T(-30), to: T(30), value: true }, { from: T(30), to: T(90), value: null }, { from: T(-9), to: T(-8), value: true }], window)).toEqual([
    { x: 0, width: 500, value: true },
    { x: 500, width: 500, value: null },
  ])
})

it('an alarm of a second is still wide enough to be seen, and stays inside', () => {
  const [span] = spansOf([{ from: T(59.98), to: T(60), value: true }], window)
  expect(span!.width).toBeGreaterThanOrEqual(15)
  expect(span!.x + span!.width).toBeLessThanOrEqual(1000)
})

it('a gap breaks the line: nothing is drawn where nothing is known', () => {
  const path = linePath([[T(0), 1], [T(10), 1], [T(20), null], [T(30), 1]], window)
  expect(path.match(/M/g)).toHaveLength(2)
  expect(linePath([], window)).toBe('')
})

it('a quiet line is drawn quiet, a rising one rises', () => {
  const heights = (path: string) => [...path.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map((match) => Number(match[1]))
  const quiet = heights(linePath([[T(0), 0.1], [T(30), 0.4]], window, '%LEL'))
  expect(Math.abs(quiet[0]! - quiet[1]!)).toBeLessThan(1)
  const rising = heights(linePath([[T(0), 0], [T(30), 40]], window, '%LEL'))
  expect(rising[0]! - rising[1]!).toBeGreaterThan(15)
})

it('ticks outside the hour are left out', () => {
  expect(ticksOf([T(-1), T(30), T(61)], window)).toEqual([500])
})

it('where few rows fit, each says something new: the alarm, the liveliest sensor, the door, the bed', () => {
  const row = (device: string, kind: string, more: Partial<StripRow> = {}): StripRow => ({ device, kind, label: device, words: '', draw: 'ticks', ...more })
  const rows = [row('smoke', 'smoke', { alarm: true }), row('gas', 'gas'), row('hall', 'activity', { ticks: [T(10)] }), row('kitchen', 'activity', { ticks: [T(58)] }), row('belt', 'bed'), row('door', 'door')]
  expect(tellingFirst(rows).map((one) => one.device)).toEqual(['smoke', 'kitchen', 'door', 'belt', 'gas', 'hall'])
  // what rang, and what bore it out, need not be an alarm now
  expect(tellingFirst(rows, ['belt', null, 'belt', 'gas', 'gone']).map((one) => one.device)).toEqual(['belt', 'smoke', 'gas', 'kitchen', 'door', 'hall'])
})
