import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import type { Finding } from '../api/types'
import EvidenceLimits from './EvidenceLimits.vue'

const finding = { finding: 'f1', rule: 'BD1', code: 'BD1', level: 'yellow', parameters: { yellow_minutes: 20, unknown_after: 190, homes: ['h0317'] } } as unknown as Finding
const shown = () => mount(EvidenceLimits, { props: { finding, show: String } })

it('calls a limit as people do, with its unit; what is the rule’s own stands behind a fold; a list of homes is no limit', async () => {
  const fetched = vi.spyOn(globalThis, 'fetch').mockRejectedValueOnce(new TypeError('no line'))
  const before = shown()
  await flushPromises()
  expect(before.find('details').attributes('open')).toBeDefined() // without the catalogue nothing is hidden
  expect(before.text()).toContain('yellow_minutes = 20')

  const items = [{ rule: 'BD1', parameters: { yellow_minutes: { limit: 'bed_exit_yellow_minutes', unit: 'min' }, unknown_after: { limit: null, unit: 'min' } } }]
  fetched.mockImplementation(() => Promise.resolve(new Response(JSON.stringify({ items }), { status: 200 })))
  const page = shown()
  await flushPromises()
  await flushPromises()
  expect(page.find('[data-limit="bed_exit_yellow_minutes"]').text()).toBe('夜间离床多久黄色 20 分钟')
  expect(page.find('details').attributes('open')).toBeUndefined()
  expect(page.find('details').text()).toContain('规则内部参数 1 项')
  expect(page.text()).not.toContain('h0317')
  shown()
  expect(fetched).toHaveBeenCalledTimes(2) // asked once for all
})
