/** A refusal as people read it. */
import { afterEach, expect, test, vi } from 'vitest'
import { ask, Refusal } from './client'

afterEach(() => vi.unstubAllGlobals())

const said = async (detail: string): Promise<string | undefined> => {
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ status: 422, reason: 'invalid', detail }), { status: 422 }))
  const refused = await ask('POST', '/x').catch((error: unknown) => error)
  return refused instanceof Refusal ? (refused.problem.detail ?? undefined) : undefined
}

test('the name of a field stands before the sentence for programs, not for people', async () => {
  expect(await said('until: 结束时间须在现在之后')).toBe('结束时间须在现在之后')
  expect(await said('data.water_total: 升')).toBe('升')
  expect(await said('告警刚有变化')).toBe('告警刚有变化')
  expect(await said('photo: this is no JPEG picture')).toBe('photo: this is no JPEG picture')
})

test('an answer that begins and stalls is no answer: nothing is said to be delivered', async () => {
  const stalled = new ReadableStream({ start: (stream) => (stream.enqueue(new TextEncoder().encode('{"state":')), stream.error(new DOMException('late', 'TimeoutError'))) })
  vi.stubGlobal('fetch', async () => new Response(stalled, { status: 200 }))
  const refused = await ask('GET', '/x').catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(Refusal)
  expect((refused as Refusal).reason).toBe('unreachable')
})
