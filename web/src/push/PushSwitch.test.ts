/** What could not be asked is asked again when the service is heard, and no sentence of the gap is left standing. */
import { flushPromises, mount } from '@vue/test-utils'
import { shallowRef } from 'vue'
import { expect, it, vi } from 'vitest'
import { Refusal } from '../api/client'
import { LIVE } from '../live/useLive'
import type { Trust } from '../live/trust'
import { aLive, aPicture, LIVE_TRUST } from '../testing'
import * as push from './push'
import PushSwitch from './PushSwitch.vue'

it('asks again when the link is live', async () => {
  const asked = vi.spyOn(push, 'lookUp').mockRejectedValue(new Refusal({ status: 0, reason: 'unreachable' }))
  const picture = shallowRef(aPicture())
  const trust = shallowRef<Trust>({ ...LIVE_TRUST, link: 'down' })
  const page = mount(PushSwitch, { global: { provide: { [LIVE as symbol]: { ...aLive(), picture, trust } } } })
  await flushPromises()
  expect(page.text()).toContain('没有连上服务，请稍后再试')
  asked.mockResolvedValue({ state: 'ask', others: 0, here: null })
  trust.value = { ...LIVE_TRUST }
  picture.value = { ...picture.value, heard_ms: picture.value.heard_ms! + 5_000 }
  await flushPromises()
  expect(page.text()).not.toContain('没有连上服务')
  picture.value = { ...picture.value, heard_ms: picture.value.heard_ms! + 5_000 }
  await flushPromises()
  expect(asked).toHaveBeenCalledTimes(2)
  page.unmount()
})
