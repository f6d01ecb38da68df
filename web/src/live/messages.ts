/** What pages and the shared worker say to each other. */
import type { LiveEvent, Picture } from './reduce'

export type ToPage =
  | { kind: 'event'; event: LiveEvent }
  /** everything known so far, for a page that just came; `local_ms` is the sender's clock */
  | { kind: 'picture'; picture: Picture; local_ms: number }
  /** the server answered with something that is no stream: the session may have ended */
  | { kind: 'refused' }

export type ToWorker = { kind: 'hello'; url: string } | { kind: 'resync' } | { kind: 'online' } | { kind: 'bye' }
