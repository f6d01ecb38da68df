/** What nobody heard of is drawn and told as that: a line without a break says "not once". */
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { api } from '../api/client'
import type { Lane, ResidentDays } from '../api/types'
import { LIVE } from '../live/useLive'
import { aLive, at, NOON } from '../testing'
import { wallClock } from '../words/time'
import DayRibbon from './DayRibbon.vue'
import ResidentPage from './ResidentPage.vue'

const HOUR = 3_600
const lane = (name: string, spans: Lane['spans']): Lane => ({ lane: name, label: name, spans, inferred: name === 'out' })
const some = { id: 'r1', name: '周阿婆', home: 'h1', protection: 'not', sign_of_life: '', reasons: [], reasons_en: [], contacts: [], tags: [], together: [], causes: [], open: [], limits: {}, devices: [], place: {}, photo: '' }
afterEach(() => vi.restoreAllMocks())

async function page(address: string, more: object, days: Partial<ResidentDays>) {
  vi.spyOn(api, 'resident').mockResolvedValue({ ...some, ...more } as never)
  vi.spyOn(api, 'residentDays').mockResolvedValue({ from: at(24 * HOUR), to: at(0), vitals: [], nights: [], ribbon: [], alarms: [], withheld: [], withheld_by: 'role', ...days } as unknown as ResidentDays)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/residents/:id', component: ResidentPage }, { path: '/:all(.*)', component: { template: '<i />' } }] })
  await router.push(address)
  const wrapper = mount(ResidentPage, { global: { plugins: [router], provide: { [LIVE as symbol]: aLive() } } })
  await flushPromises()
  return wrapper
}

it('a lane without a word is dashed from edge to edge, and a no is a line only where it was heard', () => {
  const window = { from: NOON - 24 * HOUR * 1000, to: NOON }
  const lanes = [lane('out', []), lane('door', [{ from: at(12 * HOUR), to: at(0), value: false }])]
  const ribbon = mount(DayRibbon, { props: { lanes, alarms: [], window, clock: wallClock('Asia/Shanghai', 'zh-CN'), cursor: NOON - 20 * HOUR * 1000 } })
  const drawn = (name: string) => ribbon.findAll(`[data-lane="${name}"] line`).map((one) => [one.classes()[0], one.attributes('x1'), one.attributes('x2')])
  expect(drawn('out')).toEqual([['unknown', '0', '1000']])
  expect(drawn('door')).toEqual([['unknown', '0', '500'], ['axis', '500', '1000']])
  expect(ribbon.find('[data-lane="out"] b').text()).toBe('不知道')
})

it('the table has a row for every lane, and says how its times are rounded', async () => {
  const wrapper = await page('/residents/r1?view=table', {}, { ribbon: [lane('out', []), lane('door', [{ from: at(24 * HOUR), to: at(0), value: false }])] })
  expect(wrapper.findAll('[data-row="span"]').map((row) => row.findAll('td').slice(1).map((cell) => cell.text()))).toEqual([['入户门', '没有'], ['外出', '不知道']])
  expect(wrapper.find('[data-grain]').text()).toContain('取整到 5 分钟')
  wrapper.unmount()
})

it('a home with many reasons shows three, and says how many are folded away', async () => {
  const many = Array.from({ length: 13 }, (_, n) => `理由 ${n}`)
  const wrapper = await page('/residents/r1', { reasons: many, reasons_en: many }, {})
  expect(wrapper.findAll('[data-reasons] li').map((one) => one.text())).toEqual(many.slice(0, 3))
  expect(wrapper.find('details summary').text()).toBe('另有 10 项')
  expect(wrapper.findAll('details li')).toHaveLength(10)
  wrapper.unmount()
  const few = await page('/residents/r1', { reasons: many.slice(0, 3), reasons_en: many.slice(0, 3) }, {})
  expect(few.find('details').exists()).toBe(false)
  few.unmount()
})
