import { expect, it } from 'vitest'
import type { JudgedTruth, Scenario } from './ask'
import { GROUPS, grouped, isCut, left_s, perMinute, VALUES } from './groups'

const scenario = (name: string): Scenario => ({ name, title: { zh: name, en: name }, words: { zh: '', en: '' }, needs: [], missing: [], hours: null, lead_seconds: 0, expects: [] })

it('sorts scenarios by what they are about and hides none', () => {
  const names = [...Object.values(GROUPS).flat().reverse(), 'earthquake']
  const found = grouped(names.map(scenario))
  expect(found.map((one) => one.group)).toEqual([...Object.keys(GROUPS), 'other'])
  expect(found.flatMap((one) => one.items.map((item) => item.name)).sort()).toEqual([...names].sort())
  expect(found.at(-1)?.items.map((item) => item.name)).toEqual(['earthquake'])
})

it('counts down to when something ought to be raised', () => {
  const truth = { expect: { by: '2026-05-23T04:00:10.000Z' } } as JudgedTruth
  expect(left_s(truth, Date.parse('2026-05-23T04:00:02.500Z'))).toBe(8)
  expect(left_s(truth, Date.parse('2026-05-23T04:01:00.000Z'))).toBe(0)
  expect(left_s({ expect: null } as JudgedTruth, 0)).toBeNull()
})

it('tells a rate only between two looks of one run', () => {
  expect(perMinute(null, { at_ms: 2_000, count: 40 })).toBeNull()
  expect(perMinute({ at_ms: 0, count: 0 }, { at_ms: 2_000, count: 40 })).toBe(1_200)
  expect(perMinute({ at_ms: 0, count: 90 }, { at_ms: 2_000, count: 40 })).toBeNull()
  expect(perMinute({ at_ms: 2_000, count: 1 }, { at_ms: 2_000, count: 2 })).toBeNull()
})

it('a fault without values is a cut', () => {
  expect(isCut('gateway_cut')).toBe(true)
  expect(Object.keys(VALUES).some(isCut)).toBe(false)
})
