import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { aSnapshot, anAlert, NOON } from '../testing'
import type { ToPage } from './messages'
import { LiveStream } from './stream'

class FakeSource extends EventTarget {
  static all: FakeSource[] = []
  readyState = 1
  onerror: (() => void) | null = null
  closed = false
  constructor(readonly url: string) {
    super()
    FakeSource.all.push(this)
  }
  close(): void {
    this.closed = true
  }
  say(name: string, data: unknown, lastEventId = ''): void {
    this.dispatchEvent(new MessageEvent(name, { data: typeof data === 'string' ? data : JSON.stringify(data), lastEventId }))
  }
}
const newest = (): FakeSource => FakeSource.all.at(-1)!

describe('the stream', () => {
  let told: ToPage[]
  let stream: LiveStream
  beforeEach(() => {
    vi.useFakeTimers({ now: NOON })
    FakeSource.all = []
    told = []
    stream = new LiveStream({ url: '/live', tell: (message) => told.push(message), open: (url) => new FakeSource(url) as unknown as EventSource })
    stream.start()
    newest().say('snapshot', aSnapshot(), 'e1.10')
  })
  afterEach(() => {
    stream.stop()
    vi.useRealTimers()
  })

  it('passes every event on, in order', () => {
    newest().say('alert', anAlert(), 'e1.11')
    newest().say('hb', { epoch: 'e1', head: 11, now: new Date(NOON).toISOString(), ingest_age: 0 })
    expect(told.map((one) => (one.kind === 'event' ? one.event.name : one.kind))).toEqual(['snapshot', 'alert', 'hb'])
    expect(stream.picture.head).toBe(11)
  })

  it('a gap opens a fresh stream, and the old one is heard no more', async () => {
    const old = newest()
    old.say('alert', anAlert(), 'e1.13')
    await vi.advanceTimersByTimeAsync(1)
    expect(old.closed).toBe(true)
    expect(FakeSource.all).toHaveLength(2)
    old.say('alert', anAlert(), 'e1.11')
    newest().say('snapshot', aSnapshot({ head: 13, alerts: [anAlert()] }), 'e1.13')
    expect(stream.picture).toMatchObject({ head: 13, resync: false })
  })

  it('a server that always lies is asked ever more slowly', async () => {
    for (let turn = 0; turn < 30; turn += 1) {
      newest().say('hb', { epoch: 'e1', head: 99, now: new Date(NOON).toISOString(), ingest_age: 0 })
      await vi.advanceTimersByTimeAsync(200)
    }
    expect(FakeSource.all.length).toBeLessThan(6)
  })

  it('after 24 s of silence it is opened anew', async () => {
    await vi.advanceTimersByTimeAsync(23_000)
    expect(FakeSource.all).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(FakeSource.all).toHaveLength(2)
  })

  it('after a sleep it asks for a snapshot at once', async () => {
    vi.setSystemTime(NOON + 60_000)
    await vi.advanceTimersByTimeAsync(1_100)
    expect(FakeSource.all).toHaveLength(2)
  })

  it('a refusal is told, because the session may have ended, and tried again', async () => {
    newest().readyState = 2
    newest().onerror?.()
    await vi.advanceTimersByTimeAsync(1)
    expect(told.at(-1)).toEqual({ kind: 'refused' })
    expect(FakeSource.all).toHaveLength(2)
  })

  it('what cannot be read is a gap, not a crash', async () => {
    newest().say('alert', '{broken', 'e1.11')
    await vi.advanceTimersByTimeAsync(1)
    expect(FakeSource.all).toHaveLength(2)
  })

  it('when the network is back it asks at once, whatever it was waiting for', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      newest().readyState = 2
      newest().onerror?.()
      if (turn < 2) await vi.advanceTimersByTimeAsync(1_000)
    }
    const before = FakeSource.all.length
    stream.hurry()
    expect(FakeSource.all).toHaveLength(before + 1)
    // every tab says it, and the stream is new
    stream.hurry()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(FakeSource.all).toHaveLength(before + 1)
  })

  it('a stream from before the network went is not relied on', async () => {
    const old = newest()
    await vi.advanceTimersByTimeAsync(2_000)
    stream.hurry()
    expect(old.closed).toBe(true)
    expect(FakeSource.all).toHaveLength(2)
    old.say('alert', anAlert(), 'e1.11')
    expect(stream.picture.head).toBe(10)
  })
})
