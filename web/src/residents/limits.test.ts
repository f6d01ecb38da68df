import { expect, it } from 'vitest'
import { hoursFor, loosens, wanted, type Limit, type Rule } from './limits'

const limit = (value: boolean | number | string, stricter = 'lower') => ({ value, stricter }) as Limit
const rule = (life: boolean) => ({ life }) as Rule

it('what is the same as in force, or no number, is no change', () => {
  expect(wanted(limit(20), '20')).toBeNull()
  expect(wanted(limit(20), 'soon')).toBeNull()
  expect(wanted(limit(20), '')).toBeNull()
  expect(wanted(limit(20), '25')).toBe(25)
  expect(wanted(limit('22:00'), '21:30')).toBe('21:30')
  expect(wanted(limit(true), 'no')).toBe(false)
  expect(wanted(limit(true), 'yes')).toBeNull()
  expect(wanted(limit(false), 'yes')).toBe(true)
})

it('a change that speaks later is told as one', () => {
  expect(loosens(limit(20), 25)).toBe(true)
  expect(loosens(limit(20), 15)).toBe(false)
  expect(loosens(limit(40, 'higher'), 35)).toBe(true)
  expect(loosens(limit(true, 'higher'), false)).toBe(true)
  expect(loosens(limit(false), true)).toBe(true)
  expect(loosens(limit(true), false)).toBe(false)
})

it('a loosened life-safety rule is offered for a day at most', () => {
  expect(hoursFor(rule(true), limit(60), 90)).toEqual([8, 24])
  expect(hoursFor(rule(true), limit(60), 40).at(-1)).toBe(720)
  expect(hoursFor(rule(false), limit(60), 90).at(-1)).toBe(720)
})
