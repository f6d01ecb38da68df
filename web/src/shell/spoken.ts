/**
 * What somebody hears who does not see the screen: each red that waits anew at once, everything else that is new politely; in
 * a storm at most one sentence in five seconds, which then names the oldest red and how many more (ux.md 10). Pure.
 */
import { isUnacknowledged, isWaitingRed } from '../alerts/order'
import type { Alert } from '../api/types'

export const EVERY_MS = 5_000

export interface SpokenWords {
  /** level, type, name, address, state, owner: the order of a row */
  case: (alert: Alert) => string
  more: (first: string, others: number) => string
}

export interface Said {
  words: string
  /** at once (`alert`), or when there is time (`status`) */
  how: 'alert' | 'status'
}

export class Spoken {
  private heard: ReadonlyMap<string, boolean> | null = null
  private reds = new Map<string, Alert>()
  private others = new Map<string, Alert>()
  private said_ms = -Infinity

  /** The cases as they are now. What is there when the page opens counts as new only where it is a red that waits. */
  hear(alerts: Iterable<Alert>): void {
    const now = new Map<string, boolean>()
    for (const alert of alerts) {
      const waits = isUnacknowledged(alert)
      now.set(alert.id, waits)
      const before = this.heard?.get(alert.id)
      if (isWaitingRed(alert) && before !== true) this.reds.set(alert.id, alert)
      else if (waits && alert.level !== 'red' && this.heard !== null && before === undefined) this.others.set(alert.id, alert)
    }
    // taken meanwhile, or closed: nobody need hear of it any more
    for (const kept of [this.reds, this.others]) for (const id of kept.keys()) if (now.get(id) !== true) kept.delete(id)
    this.heard = now
  }

  /** What is to be said at this moment, or nothing. */
  say(now_ms: number, words: SpokenWords): Said | null {
    if (now_ms - this.said_ms < EVERY_MS) return null
    const which = this.reds.size > 0 ? this.reds : this.others
    if (which.size === 0) return null
    const oldest = [...which.values()].reduce((a, b) => (b.raised_at < a.raised_at ? b : a))
    const said: Said = { words: which.size > 1 ? words.more(words.case(oldest), which.size - 1) : words.case(oldest), how: which === this.reds ? 'alert' : 'status' }
    which.clear()
    this.said_ms = now_ms
    return said
  }
}
