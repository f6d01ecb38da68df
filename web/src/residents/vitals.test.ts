/** A curve of heart or breathing: what is old says of which day it is. */
import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import type { Vital } from '../api/types'
import { NOON } from '../testing'
import { wallClock } from '../words/time'
import VitalChart from './VitalChart.vue'

const HOUR = 3_600_000
const clock = wallClock('Asia/Shanghai', 'zh-CN')
const last = (hours_ago: number): string => {
  const at = new Date(NOON - hours_ago * HOUR).toISOString()
  const vital = { quantity: 'heart_rate', label: '心率', unit: '次/分', band: null, pieces: [], gaps: [], beyond: [], last_at: at, last_value: 61 } as unknown as Vital
  return mount(VitalChart, { props: { vital, window: { from: NOON - 28 * 24 * HOUR, to: NOON }, clock, cursor: null, step: 300_000, now: NOON } }).find('.now').text()
}

it.each([
  [0, '61 次/分'],
  [1, `${clock.minute(NOON - HOUR)} 为 61 次/分`],
  [50, `${clock.day(NOON - 50 * HOUR)} ${clock.minute(NOON - 50 * HOUR)} 为 61 次/分`],
])('a value of %d hours ago', (hours, words) => {
  expect(last(hours)).toBe(words)
})
