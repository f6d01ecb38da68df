/** The phone of whoever goes says what is known, and no more: what waits, what the desk has heard, whether a task could come at all. */
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { nextTick, shallowRef, type ShallowRef } from 'vue'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, Refusal } from '../api/client'
import type { Alert, Me } from '../api/types'
import type { Picture } from '../live/reduce'
import type { Trust } from '../live/trust'
import { me } from '../session'
import { aLive, anAlert, aPicture, LIVE_TRUST } from '../testing'

const seat = vi.hoisted(() => ({ live: null as unknown }))
vi.mock('../live/useLive', () => ({ provideLive: () => seat.live }))
const { default: GoPage } = await import('./GoPage.vue')

const mine = (state: string, more: Partial<Alert> = {}): Alert =>
  anAlert({ responders: [{ id: 's07', name: '林师傅', role_words: '志愿者', state, at: '', lead: true } as never], ...more })
const lost = (): Promise<never> => Promise.reject(new Refusal({ status: 0, reason: 'unreachable' }))
const CUT: Trust = { ...LIVE_TRUST, link: 'down', silent_ms: 125_000, trouble: true }
let page: VueWrapper | undefined
let picture: ShallowRef<Picture>
let believed: ShallowRef<Trust>
function open(alerts: Alert[], trust: Trust = LIVE_TRUST): VueWrapper {
  picture = shallowRef(aPicture({ alerts }))
  believed = shallowRef(trust)
  seat.live = { ...aLive(), picture, trust: believed }
  const Empty = { template: '<i />' }
  page = mount(GoPage, { global: { stubs: { TestsCard: Empty, DutyCard: Empty, SceneCard: Empty, DoorCard: Empty, LeaveCard: Empty, PushSwitch: Empty, RouterLink: Empty } } })
  return page
}

beforeEach(() => {
  localStorage.clear()
  me.value = { user: 'lin', role: 'volunteer', name: '林师傅', staff: 's07', community: { phone: '0574-1' } } as unknown as Me
  vi.spyOn(api, 'duty').mockResolvedValue({ responders: [{ id: 's07' }] } as never)
  vi.spyOn(window, 'scrollTo').mockImplementation(() => undefined)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
})
afterEach(() => {
  page?.unmount()
  vi.useRealTimers()
})

async function holdFor120(): Promise<void> {
  await page!.find('.hold').trigger('pointerdown')
  await vi.advanceTimersByTimeAsync(1_100)
  await flushPromises()
}

it('says that an ambulance was asked for only when the desk has heard it, and goes on saying it', async () => {
  const send = vi.spyOn(api, 'command').mockImplementation(lost)
  open([mine('accepted')])
  await holdFor120()
  expect(page!.text()).toContain('待上传')
  expect(page!.text()).toContain('请马上打给值班席')
  expect(page!.text()).not.toContain('已告诉值班席')
  send.mockResolvedValue(mine('accepted', { version: 2 }))
  await vi.advanceTimersByTimeAsync(3_100)
  await flushPromises()
  expect(page!.find('[data-ambulance]').text()).toBe('已告诉值班席：需要 120')
  await vi.advanceTimersByTimeAsync(90_000)
  expect(page!.find('[data-ambulance]').text()).toBe('已告诉值班席：需要 120')
})

it('does not look calm without a connection: whether there is a task it cannot know', async () => {
  open([])
  await flushPromises()
  expect(page!.find('h1').text()).toBe('现在没有派给您的任务')
  believed.value = CUT
  await nextTick()
  expect(page!.find('h1').text()).toBe('连接中断，新任务收不到')
  expect(page!.text()).toContain('2 分钟前')
  for (const calm of ['现在没有派给您的任务', '您正在值班', '有任务时手机会响']) expect(page!.text()).not.toContain(calm)
  believed.value = LIVE_TRUST
  await nextTick()
  expect(page!.find('h1').text()).toBe('现在没有派给您的任务')
})

it('keeps what was not sent in sight, at the buttons', async () => {
  vi.spyOn(api, 'command').mockImplementation(lost)
  open([mine('departed')])
  await page!.find('[data-step="arrive"]').trigger('click')
  await flushPromises()
  expect(page!.find('footer').text()).toContain('1 步待上传')
  expect(page!.text()).not.toContain('已到场，等待值班席结案')
})

it('begins the next task at its top', async () => {
  open([mine('accepted')])
  await nextTick()
  vi.mocked(window.scrollTo).mockClear()
  picture.value = aPicture({ alerts: [mine('offered', { id: 'a318', number: 318 })] })
  await nextTick()
  expect(window.scrollTo).toHaveBeenCalledWith(0, 0)
})

it('says before signing out what the desk does not know yet, and keeps it', async () => {
  vi.spyOn(api, 'command').mockImplementation(lost)
  const out = vi.spyOn(api, 'signOut').mockResolvedValue(undefined)
  vi.spyOn(location, 'assign').mockImplementation(() => undefined)
  open([mine('departed')])
  await vi.dynamicImportSettled()
  await page!.find('[data-step="arrive"]').trigger('click')
  await page!.find('[data-sign-out]').trigger('click')
  await flushPromises()
  expect(out).not.toHaveBeenCalled()
  expect(page!.find('[role="status"]').text()).toContain('还有 1 步没有上传')
  await page!.find('[data-anyway]').trigger('click')
  await flushPromises()
  expect(Object.keys(localStorage)).toEqual(['anxin.out.lin'])
  picture.value = aPicture({ alerts: [mine('departed', { version: 3 })] })
  await nextTick()
  expect(Object.keys(localStorage)).toEqual(['anxin.out.lin'])
})

const HOMES = [
  { home: 'h0317', address: '银杏小区 3 幢 402', key: '邻里中心 07 号柜', tags: [{ word: '失聪', en: 'deaf', strong: true }], people: ['周阿婆'] },
  { home: 'h0402', address: '银杏小区 3 幢 502', key: null, tags: [], people: ['吴建国'] },
] as never
const AREA: Partial<Alert> = { kind: 'device', title: '银杏小区 3 幢大面积断线：2 户失联', homes: 2, place: { estate_building: '银杏小区 3 幢', buildings: 1 } as never, people: [], contacts: [] }

it('says of an area what it is and how many homes before anybody accepts, and no room', () => {
  open([mine('offered', AREA)])
  expect(page!.find('h1').text()).toContain('银杏小区 3 幢大面积断线：2 户失联')
  expect(page!.text()).toContain('要去看 2 户，接受后显示逐户名单')
  expect(page!.text()).not.toContain('接受后显示房号')
})

it('names of each home of an area the key and what must be known of who lives there', async () => {
  open([mine('accepted', { ...AREA, welfare: HOMES })])
  await vi.dynamicImportSettled()
  await flushPromises()
  const [zhou, wu] = page!.findAll('[data-welfare]').map((one) => one.text())
  expect(zhou).toContain('钥匙：邻里中心 07 号柜')
  expect(zhou).toContain('失聪')
  expect(wu).toContain('没有登记钥匙')
})

it('says that the list of homes comes with the network, when it was accepted without one', async () => {
  vi.spyOn(api, 'command').mockImplementation(lost)
  open([mine('offered', AREA)])
  await page!.find('[data-step="accept"]').trigger('click')
  await flushPromises()
  expect(page!.text()).toContain('逐户名单：联网后显示')
})
