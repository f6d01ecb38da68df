/** The bottom row says how old its figures are, and does not show old ones as if they were new. */
import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { aPicture, NOON } from '../testing'
import { wallClock } from '../words/time'
import KpiRow from './KpiRow.vue'

const row = (age: number | null, silent = false) => {
  const picture = aPicture()
  return mount(KpiRow, { props: { kpi: picture.kpi, age, silent, protection: { protected: 38, partly: 1, not: 1, total: 40 }, hours: [], closed: [], clock: wallClock('Asia/Shanghai', 'zh-CN'), now: NOON, minutes: 10, ackSeconds: 60 } as never })
}

it('carries its age on every figure, that of the protection too', () => {
  const fresh = row(14)
  expect(fresh.findAll('[data-age]').map((one) => one.text())).toEqual(Array(4).fill('刚刚更新'))
  expect(fresh.classes()).not.toContain('old')
  fresh.unmount()
})

it('is grey when nothing was told for a minute, or ever', () => {
  const late = row(130)
  expect(late.find('[data-age]').text()).toBe('2 分钟前更新')
  expect(late.classes()).toContain('old')
  late.unmount()
  const never = row(null)
  expect(never.classes()).toContain('old')
  never.unmount()
})

it('does not show the homes’ protection as fresh while no device is heard; what people did stands', () => {
  const unheard = row(3, true)
  const tiles = unheard.findAll('.tile').slice(0, 4)
  expect(tiles.map((one) => one.classes().includes('old'))).toEqual([false, false, true, false])
  expect(tiles.map((one) => one.find('[data-age]').text())).toEqual(['刚刚更新', '刚刚更新', '设备数据中断', '刚刚更新'])
  unheard.unmount()
})
