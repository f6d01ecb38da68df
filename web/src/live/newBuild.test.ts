import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, ref, shallowRef, type EffectScope } from 'vue'

const MINUTE = 60_000
const reload = vi.fn()
let scope: EffectScope
let here: boolean
beforeEach(() => {
  vi.useFakeTimers()
  vi.resetModules()
  reload.mockReset()
  here = true
  scope = effectScope()
  document.body.innerHTML = ''
  vi.spyOn(location, 'reload').mockImplementation(reload)
  vi.stubGlobal('fetch', vi.fn(() => (here ? Promise.resolve({ ok: true }) : Promise.reject(new Error('nobody')))))
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function aPage(free = true) {
  const { useNewBuild } = await import('./newBuild')
  const told = shallowRef<string | null>(null)
  const may = ref(free)
  const { offered } = scope.run(() => useNewBuild(() => told.value, () => may.value))!
  return { told, may, offered, useNewBuild }
}

it('the build that is told first is the page’s own; another one is offered, and loaded when the page is free', async () => {
  const { told, may, offered } = await aPage(false)
  told.value = 'b1'
  expect(offered.value).toBe(false)
  told.value = 'b2'
  expect(offered.value).toBe(true)
  await vi.advanceTimersByTimeAsync(10 * MINUTE)
  expect(reload).not.toHaveBeenCalled()
  may.value = true
  await vi.advanceTimersByTimeAsync(5_000)
  expect(reload).toHaveBeenCalledTimes(1)
})

it('silence about the build is no new build', async () => {
  const { told, offered } = await aPage()
  told.value = 'b1'
  told.value = null
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(offered.value).toBe(false)
  expect(reload).not.toHaveBeenCalled()
})

it('whoever has just touched something keeps the page for a minute', async () => {
  const { told } = await aPage()
  told.value = 'b1'
  told.value = 'b2'
  dispatchEvent(new Event('keydown'))
  await vi.advanceTimersByTimeAsync(MINUTE - 1_000)
  expect(reload).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(reload).toHaveBeenCalled()
})

it.each(['<textarea>想写的话</textarea>', '<input type="search" value="周">', '<dialog open></dialog>'])('%s is not thrown away', async (html) => {
  const { told } = await aPage()
  document.body.innerHTML = html
  told.value = 'b1'
  told.value = 'b2'
  await vi.advanceTimersByTimeAsync(10 * MINUTE)
  expect(reload).not.toHaveBeenCalled()
  document.body.innerHTML = '<input type="checkbox" value="on"><textarea></textarea>'
  await vi.advanceTimersByTimeAsync(5_000)
  expect(reload).toHaveBeenCalled()
})

it('a service that does not answer is not loaded from', async () => {
  const { told } = await aPage()
  here = false
  told.value = 'b1'
  told.value = 'b2'
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(reload).not.toHaveBeenCalled()
  here = true
  await vi.advanceTimersByTimeAsync(5_000)
  expect(reload).toHaveBeenCalled()
})

it('another page of the same document is no newer than the first', async () => {
  const { told, useNewBuild } = await aPage(false)
  told.value = 'b1'
  scope.stop()
  scope = effectScope()
  const { offered } = scope.run(() => useNewBuild(() => 'b2', () => false))!
  expect(offered.value).toBe(true)
})
