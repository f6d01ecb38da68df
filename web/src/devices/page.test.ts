/** The page of devices: one cut is one line, what is open is brought into sight, and an open card follows what rings. */
import { flushPromises, mount, RouterLinkStub, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { shallowRef } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { api } from '../api/client'
import type { Alert } from '../api/types'
import { LIVE } from '../live/useLive'
import { aLive, anAlert, aPicture } from '../testing'
import DeviceCard from './DeviceCard.vue'
import DevicesPage from './DevicesPage.vue'

let wrapper: VueWrapper | null = null
const fetched = vi.fn()
beforeEach(() => {
  fetched.mockImplementation(() => Promise.resolve(new Response(JSON.stringify({ code: 'unavailable' }), { status: 503 })))
  vi.stubGlobal('fetch', fetched)
})
afterEach(() => {
  wrapper?.unmount()
  fetched.mockReset()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const homes = ['h1', 'h2', 'h3', ...Array.from({ length: 9 }, (_, n) => `o${n}`)]
async function page(address: string, alerts: Alert[]) {
  vi.spyOn(api, 'homes').mockResolvedValue({ protection: { protected: 0, partly: 0, not: 12, total: 12 }, items: homes.map((id, n) => ({ id, building: id.startsWith('h') ? '银杏小区 3 幢' : `城东新村 ${n} 幢`, address: id, protection: 'not', reasons: [], residents: [] })) } as never)
  vi.spyOn(api, 'devices').mockResolvedValue({ items: homes.flatMap((home) => Array.from({ length: 5 }, (_, n) => ({ id: `${home}-${n}`, home, kind: 'smoke', label: '烟感', label_en: 'smoke', reason: 'offline', reason_words: '离线', reason_words_en: 'offline', last_at: null }))) } as never)
  vi.spyOn(api, 'unclaimed').mockResolvedValue({ items: [] } as never)
  vi.spyOn(api, 'quarantine').mockResolvedValue({ items: [] } as never)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/devices', component: DevicesPage }, { path: '/:all(.*)', component: { template: '<i />' } }] })
  await router.push(address)
  const of = mount(DevicesPage, { attachTo: document.body, global: { plugins: [router], stubs: { HomeHours: true, DeviceCard: true }, provide: { [LIVE as symbol]: aLive(aPicture({ alerts })) } } })
  wrapper = of
  await flushPromises()
  return of
}

it('a cut of an area stands first and alone; the others are grouped, and what is left out is said', async () => {
  const cut = anAlert({ id: 'te5', code: 'TE5', kind: 'device', cause: 'area', title: '银杏小区大面积断线：3 户失联', welfare: [{ home: 'h1' }, { home: 'h2' }, { home: 'h3', back: true }] as never })
  const of = await page('/devices', [cut])
  const lines = of.findAll('.causes li')
  expect(lines[0]!.text()).toContain('银杏小区大面积断线：3 户失联')
  expect(lines[0]!.text()).toContain('2 户未恢复')
  expect(lines[0]!.find('a').attributes('href')).toBe('/desk?case=te5&at=te5')
  expect(lines).toHaveLength(7)
  const more = of.find('[data-more-causes]')
  expect(more.text()).toBe('另有 4 条')
  await more.trigger('click')
  const every = of.findAll('.causes [data-cause]')
  expect(every).toHaveLength(10)
  // what is back and still does not speak is no part of the cut any more
  expect(every.filter((one) => one.text().includes('银杏小区 3 幢')).map((one) => one.find('em').text())).toEqual(['5 台 1 户'])
})

it('the row that the address opens is scrolled to, once', async () => {
  const to = vi.spyOn(Element.prototype, 'scrollIntoView').mockImplementation(() => undefined)
  const of = await page('/devices?home=o8&device=o8-0', [])
  await vi.waitFor(() => expect(to.mock.contexts.some((one) => (one as Element).getAttribute('data-home') === 'o8')).toBe(true))
  expect(to.mock.contexts.some((one) => (one as Element).querySelector(':scope > [data-device="o8-0"]') !== null)).toBe(true)
  await vi.waitFor(() => expect(of.findComponent({ name: 'DeviceCard' }).exists()).toBe(true))
  of.findComponent({ name: 'DeviceCard' }).vm.$emit('shown')
  await flushPromises()
  to.mockClear()
  await of.find('[data-home="o7"] button').trigger('click')
  await flushPromises()
  expect(to).not.toHaveBeenCalled()
})

it('a page that opens with nothing open does not scroll', async () => {
  const to = vi.spyOn(Element.prototype, 'scrollIntoView').mockImplementation(() => undefined)
  const of = await page('/devices', [])
  await of.find('[data-home="o7"] button').trigger('click')
  await flushPromises()
  await of.find('[data-device="o7-1"]').trigger('click')
  await vi.waitFor(() => expect(of.findComponent({ name: 'DeviceCard' }).exists()).toBe(true))
  of.findComponent({ name: 'DeviceCard' }).vm.$emit('shown')
  await flushPromises()
  expect(to).not.toHaveBeenCalled()
})

it('an open card asks again when an alert of its home comes, and not for another home', async () => {
  vi.useFakeTimers()
  const picture = shallowRef(aPicture({ alerts: [] }))
  const live = { ...aLive(), picture }
  wrapper = mount(DeviceCard, { props: { device: 'd1', home: 'h0317', may: false }, global: { stubs: { RouterLink: RouterLinkStub }, provide: { [LIVE as symbol]: live } } })
  const asked = () => fetched.mock.calls.filter(([path]) => String(path).includes('/devices/d1')).length
  await flushPromises()
  expect(asked()).toBe(1)
  picture.value = aPicture({ alerts: [anAlert({ id: 'x', home: 'h0001' })] })
  await flushPromises()
  expect(asked()).toBe(1)
  picture.value = aPicture({ alerts: [anAlert({ id: 'x', home: 'h0001' }), anAlert()] })
  await flushPromises()
  expect(asked()).toBe(2)
  await vi.advanceTimersByTimeAsync(3_000)
  expect(asked()).toBe(3)
})
