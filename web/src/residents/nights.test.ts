/** Fourteen nights: what a mean is made of, and what it is not. */
import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import type { Night } from '../api/types'
import { NOON } from '../testing'
import { wallClock } from '../words/time'
import NightBars from './NightBars.vue'

const HOUR = 3_600_000
const night = (ends_in_hours: number, in_bed_hours: number): Night => ({
  day: `d${ends_in_hours}`, from: new Date(NOON + (ends_in_hours - 14) * HOUR).toISOString(), to: new Date(NOON + ends_in_hours * HOUR).toISOString(),
  in_bed_hours, exits: 1, unknown_hours: 0, bed_at: null, up_at: null, spans: [],
}) as unknown as Night

it('a night that is not over is told as far as it has come, and counts in no mean', () => {
  const wrapper = mount(NightBars, { props: { nights: [night(-48, 8), night(-24, 8), night(6, 2)], clock: wallClock('Asia/Shanghai', 'zh-CN'), now: NOON } })
  expect(wrapper.find('.sum').text()).toContain('2 夜平均在床 8.0 小时')
  expect(wrapper.find('[data-tonight]').text()).toBe('至今 2.0 小时')
})
