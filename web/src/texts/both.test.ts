import { afterEach, beforeEach, expect, it, vi } from 'vitest'

/** English words that are asked for but do not come, as on a phone without a line. */
function aLine() {
  const line = { there: false, asked: 0 }
  return { line, load: async () => ((line.asked += 1), line.there ? { hello: 'Hello' } : Promise.reject(new Error('no line'))) }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.resetModules()
})
afterEach(() => {
  vi.useRealTimers()
  vi.doUnmock('./en')
})

it('words that did not come are asked for again, and until then the Chinese stand', async () => {
  const { speak } = await import('./index')
  const { inBoth } = await import('./both')
  const { line, load } = aLine()
  const words = inBoth({ hello: '您好' }, load)
  await speak('en')
  expect(words.value.hello).toBe('您好')
  await vi.advanceTimersByTimeAsync(30_000)
  expect(line.asked).toBeGreaterThan(2)
  expect(line.asked).toBeLessThan(6)
  expect(words.value.hello).toBe('您好')
  line.there = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect(words.value.hello).toBe('Hello')
  const { asked } = line
  await vi.advanceTimersByTimeAsync(60_000)
  expect(line.asked).toBe(asked)
})

it('when the network is back they are asked for at once', async () => {
  const { speak } = await import('./index')
  const { inBoth } = await import('./both')
  const { line, load } = aLine()
  const words = inBoth({ hello: '您好' }, load)
  await speak('en')
  line.there = true
  dispatchEvent(new Event('online'))
  await vi.advanceTimersByTimeAsync(0)
  expect(words.value.hello).toBe('Hello')
})

it('whoever goes back to Chinese asks for nothing more', async () => {
  const { speak } = await import('./index')
  const { inBoth } = await import('./both')
  const { line, load } = aLine()
  inBoth({ hello: '您好' }, load)
  await speak('en')
  await speak('zh')
  const { asked } = line
  await vi.advanceTimersByTimeAsync(60_000)
  expect(line.asked).toBe(asked)
})

it('the first words of all, too: the page stays Chinese and turns English when they come', async () => {
  let there = false
  vi.doMock('./en', () => {
    if (!there) throw new Error('no line')
    return { en: { app: { name: 'Anxin' } } }
  })
  const { language, speak, texts } = await import('./index')
  await speak('en')
  expect(language.value).toBe('zh')
  expect(texts.value.app.name).toBe('智慧康养监测中心')
  there = true
  vi.resetModules()
  await vi.advanceTimersByTimeAsync(15_000)
  expect(language.value).toBe('en')
  expect(texts.value.app.name).toBe('Anxin')
})
