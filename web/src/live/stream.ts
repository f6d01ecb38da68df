/**
 * One stream of live events, kept going: opens it, numbers are watched by the reducer, a gap or a long silence opens it
 * anew (a fresh EventSource carries no Last-Event-ID, so the server starts with a snapshot). Runs in the shared worker,
 * or in the page where there is none.
 */
import { EMPTY, reduce, type LiveEvent, type Picture } from './reduce'
import { REOPEN_AFTER_MS } from './trust'
import type { ToPage } from './messages'

const NAMES = ['snapshot', 'alert', 'duty', 'kpi', 'device', 'hb', 'case'] as const
const WAKE_AFTER_MS = 10_000 // a clock that jumped this far means that we slept
const REOPEN_PAUSE_MS = [0, 1_000, 2_000, 4_000] // growing, so that a server in trouble is not stormed
const NEW_MS = 250 // a stream that has just been opened was opened with the network that is there now
const SETTLED_MS = 10_000

export interface LiveStreamParts {
  url: string
  tell: (message: ToPage) => void
  open?: (url: string) => EventSource
  now?: () => number
}

export class LiveStream {
  readonly #tell: (message: ToPage) => void
  readonly #open: (url: string) => EventSource
  readonly #now: () => number
  readonly #url: string
  #source: EventSource | null = null
  #picture: Picture = EMPTY
  #heard_ms: number
  #ticked_ms: number
  #opened_ms = 0
  #tries = 0
  #pause: ReturnType<typeof setTimeout> | null = null
  #ticker: ReturnType<typeof setInterval> | null = null

  constructor({ url, tell, open, now }: LiveStreamParts) {
    this.#url = url
    this.#tell = tell
    this.#open = open ?? ((address) => new EventSource(address))
    this.#now = now ?? (() => Date.now())
    this.#heard_ms = this.#ticked_ms = this.#now()
  }

  get picture(): Picture {
    return this.#picture
  }

  start(): void {
    this.#ticker = setInterval(() => this.#tick(), 1_000)
    this.#connect()
  }

  stop(): void {
    if (this.#ticker !== null) clearInterval(this.#ticker)
    if (this.#pause !== null) clearTimeout(this.#pause)
    this.#ticker = this.#pause = null
    this.#source?.close()
    this.#source = null
  }

  /** Throws the stream away and asks for a fresh snapshot. */
  resync(): void {
    if (this.#pause !== null) return
    this.#source?.close()
    this.#source = null
    if (this.#now() - this.#opened_ms > SETTLED_MS) this.#tries = 0
    const pause = REOPEN_PAUSE_MS[Math.min(this.#tries, REOPEN_PAUSE_MS.length - 1)]!
    this.#tries += 1
    this.#pause = setTimeout(() => {
      this.#pause = null
      this.#connect()
    }, pause)
  }

  /** The network is back: nothing waits for its turn, and a stream from before is not relied on. Every page says it, so one that is new is left. */
  hurry(): void {
    if (this.#pause !== null) clearTimeout(this.#pause)
    else if (this.#now() - this.#opened_ms < NEW_MS) return
    this.#pause = null
    this.#tries = 0
    this.#source?.close()
    this.#connect()
  }

  #connect(): void {
    this.#opened_ms = this.#heard_ms = this.#now()
    const source = this.#open(this.#url)
    this.#source = source
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        if (source === this.#source) this.#hear(name, event as MessageEvent<string>)
      })
    }
    source.onerror = () => {
      // CONNECTING: the browser tries again by itself; CLOSED: it will not
      if (source !== this.#source || source.readyState !== 2) return
      this.#tell({ kind: 'refused' })
      this.resync()
    }
  }

  #hear(name: (typeof NAMES)[number], message: MessageEvent<string>): void {
    const local_ms = this.#now()
    this.#heard_ms = local_ms
    let value: unknown
    try {
      value = JSON.parse(message.data)
    } catch {
      this.resync()
      return
    }
    const event = (name === 'snapshot' || name === 'hb'
      ? { name, local_ms, value }
      : { name: name === 'case' ? 'other' : name, local_ms, id: message.lastEventId, value }) as LiveEvent
    this.#picture = reduce(this.#picture, event)
    this.#tell({ kind: 'event', event })
    if (this.#picture.resync) this.resync()
  }

  #tick(): void {
    const now = this.#now()
    const slept = now - this.#ticked_ms > WAKE_AFTER_MS
    this.#ticked_ms = now
    if (slept || now - this.#heard_ms > REOPEN_AFTER_MS) this.resync()
  }
}
