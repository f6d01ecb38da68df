import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { unasked, untilThere } from './part'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('asks again, ever slower, until the part is there', async () => {
  const at: number[] = []
  const began = Date.now()
  const part = vi.fn(async () => {
    at.push((Date.now() - began) / 1000)
    if (at.length < 7) throw new Error('lost')
    return 'part'
  })
  const there = untilThere(part)
  await vi.advanceTimersByTimeAsync(120_000)
  expect(await there).toBe('part')
  expect(at).toEqual([0, 2, 6, 14, 30, 46, 62])
})

it('knows of a part that nobody waits for while it is on its way, also when it is lost', async () => {
  let lose = (_: Error): void => undefined
  let told: boolean | undefined
  const there = untilThere(() => new Promise<string>((_, no) => (lose = no)).catch((fault: unknown) => {
    told = unasked() // as main.ts is told of it
    throw fault
  }))
  expect(unasked()).toBe(true)
  lose(new Error('lost'))
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toBe(true)
  expect(unasked()).toBe(false)
  void there
})
