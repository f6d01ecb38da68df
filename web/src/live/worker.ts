/// <reference lib="webworker" />
/**
 * The shared worker: one stream per browser and view, however many tabs are open (a seventh tab would starve on
 * HTTP/1.1 otherwise), and no tab's timers can put it to sleep.
 */
import { LiveStream } from './stream'
import type { ToPage, ToWorker } from './messages'

const ports = new Set<MessagePort>()
let stream: LiveStream | null = null

function tell(message: ToPage): void {
  for (const port of ports) port.postMessage(message)
}

addEventListener('online', () => stream?.hurry())

;(globalThis as unknown as SharedWorkerGlobalScope).onconnect = (connection) => {
  const port = connection.ports[0]!
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === 'resync') stream?.resync()
    if (data.kind === 'online') stream?.hurry()
    if (data.kind === 'bye') leave(port)
    if (data.kind !== 'hello') return
    ports.add(port)
    if (stream === null) {
      stream = new LiveStream({ url: data.url, tell })
      stream.start()
    }
    port.postMessage({ kind: 'picture', picture: stream.picture, local_ms: Date.now() } satisfies ToPage)
  }
}

function leave(port: MessagePort): void {
  ports.delete(port)
  port.close()
  if (ports.size > 0) return
  stream?.stop()
  stream = null
}
