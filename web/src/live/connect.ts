/** Connects a page to the live channel: through the shared worker, or directly where there is none or it does not answer. */
import { LiveStream } from './stream'
import type { ToPage, ToWorker } from './messages'
import type { ViewName } from '../api/types'

const ANSWER_WITHIN_MS = 3_000
const CHECK_EVERY_MS = 24_000

export interface Connection {
  resync: () => void
  /** the network is back */
  hurry: () => void
  /** long silence: is the worker itself still there? If not, the page goes on alone */
  check: (now_ms: number) => void
  close: () => void
}

export function connect(view: ViewName, user: string, hear: (message: ToPage) => void): Connection {
  const url = new URL(`/api/v1/live?view=${view}`, location.href).href
  let direct: LiveStream | null = null
  let port: MessagePort | null = null
  let answered = false

  // a slow worker is not a dead one: its port stays open, and when it answers after all the page gives its own stream up,
  // or on a slow machine many tabs would each hold one and starve each other
  const goDirect = (): void => {
    if (direct !== null) return
    direct = new LiveStream({ url, tell: hear })
    direct.start()
  }
  const goShared = (): void => {
    direct?.stop()
    direct = null
  }

  const say = (message: ToWorker): void => port?.postMessage(message)
  let patience: ReturnType<typeof setTimeout> | undefined
  let checked_ms = 0
  const greet = (): void => {
    answered = false
    say({ kind: 'hello', url })
    clearTimeout(patience)
    patience = setTimeout(() => {
      if (!answered) goDirect()
    }, ANSWER_WITHIN_MS)
  }

  if (typeof SharedWorker === 'undefined') goDirect()
  else {
    try {
      const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), {
        type: 'module',
        name: `anxin-live-${view}-${user}`, // another person's stream is another worker
      })
      worker.onerror = goDirect
      port = worker.port
      port.onmessage = ({ data }: MessageEvent<ToPage>) => {
        answered = true
        goShared()
        hear(data)
      }
      port.start()
      greet()
    } catch {
      goDirect()
    }
  }

  const close = (): void => {
    clearTimeout(patience)
    removeEventListener('pagehide', bye)
    say({ kind: 'bye' })
    port = null
    direct?.stop()
    direct = null
  }
  const bye = (event: PageTransitionEvent): void => {
    if (!event.persisted) close()
  }
  addEventListener('pagehide', bye)

  return {
    resync: () => (direct === null ? say({ kind: 'resync' }) : direct.resync()),
    hurry: () => (direct === null ? say({ kind: 'online' }) : direct.hurry()),
    check: (now_ms) => {
      if (direct !== null || now_ms - checked_ms < CHECK_EVERY_MS) return
      checked_ms = now_ms
      greet()
    },
    close,
  }
}
