import { expect, it } from 'vitest'
import { NOON } from '../testing'
import { en } from '../texts/en'
import { zh } from '../texts/zh'
import { ago, lasted, moment, ms, waited, wallClock } from './time'

it.each([
  [-3, '00:00'],
  [18.9, '00:18'],
  [3599, '59:59'],
  [3600, '1 小时 00 分'],
  [3900, '1 小时 05 分'],
  [90_000, '1 天 1 小时'],
])('%d seconds of waiting read %s', (seconds, words) => {
  expect(waited(seconds, zh)).toBe(words)
})

it('speaks English where the screen does', () => {
  expect(waited(3900, en)).toBe('1 h 05 min')
})

it.each([
  [1, '刚刚'],
  [8, '8 秒前'],
  [300, '5 分钟前'],
  [7200, '2 小时前'],
])('a figure %d seconds old is %s', (seconds, words) => {
  expect(ago(seconds, zh)).toBe(words)
})

it('a case that took 8:42 says so', () => {
  expect(lasted(522)).toBe('8:42')
})

it('clocks show the community’s zone on 24 hours, whatever the desk’s own zone', () => {
  const clock = wallClock('Asia/Shanghai', 'zh-CN')
  expect(clock.clock(NOON)).toBe('12:06:42')
  expect(clock.minute(Date.parse('2026-05-23T16:05:00Z'))).toBe('00:05')
  expect(clock.day(NOON)).toBe('5 月 23 日')
  expect(clock.hour(NOON)).toBe(12)
})

it('a missing or broken time is null, never 1970', () => {
  expect([ms(null), ms(undefined), ms('soon')]).toEqual([null, null, null])
})

it('a moment of another day says which', () => {
  const clock = wallClock('Asia/Shanghai', 'zh-CN')
  const now = Date.parse('2026-11-30T00:05:00+08:00')
  expect(moment(now - 4 * 60_000, now, clock)).toBe('00:01')
  expect(moment(now - 6 * 60_000, now, clock)).toBe('11 月 29 日 23:59')
})
