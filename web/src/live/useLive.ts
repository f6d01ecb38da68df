/**
 * Joins the pure parts to the page: every event goes through the reducer, at most one drawing per animation frame, one
 * shared tick, and the truth about the link on <html>. No judgement here; see reduce.ts and trust.ts.
 */
import { computed, inject, onScopeDispose, provide, shallowRef, watch, watchEffect, type ComputedRef, type InjectionKey, type ShallowRef } from 'vue'
import { api, freshId } from '../api/client'
import type { Alert, Me, ViewName } from '../api/types'
import { isWaitingRed } from '../alerts/waiting'
import { wallClock, type WallClock } from '../words/time'
import { locale } from '../texts'
import { connect } from './connect'
import { WRONG_CLOCK_MS } from './clock'
import { EMPTY, reduce, type LiveEvent, type Picture } from './reduce'
import { heardBy, REOPEN_AFTER_MS, trust, type Trust } from './trust'
import type { ToPage } from './messages'

const TICK_MS = 250
const WAKE_AFTER_MS = 10_000
const HIDDEN_FLUSH_MS = 50 // a hidden page has no animation frames, and must still sound
const BEAT_EVERY_MS = 15_000
const FOCUS_AFTER_MS = 200 // J and K walk through cases faster than the wall need follow

export interface Live {
  view: ViewName
  picture: Readonly<ShallowRef<Picture>>
  trust: Readonly<ShallowRef<Trust>>
  /** the server's time in ms, once a second */
  now: Readonly<ShallowRef<number>>
  /** our own time in ms, four times a second */
  local: Readonly<ShallowRef<number>>
  clock: ComputedRef<WallClock>
  waitingReds: ComputedRef<number>
  wrongClock: ComputedRef<boolean>
  /** the answer to our own command, applied before the stream tells it */
  learn: (alert: Alert) => void
  resync: () => void
  /** the case chosen on this desk, '' for none: the wall follows it */
  focus: ShallowRef<string>
}

const KEY: InjectionKey<Live> = Symbol('live')
export const useLive = (): Live => inject(KEY)!
export const LIVE = KEY

/** `page` names the screen on <html> when it is not the view itself: several pages read the desk's view. */
export function provideLive(view: ViewName, me: Me, page: string = view): Live {
  const opened_ms = Date.now()
  const picture = shallowRef<Picture>(EMPTY)
  const local = shallowRef(opened_ms)
  const now = shallowRef(opened_ms)
  let online = navigator.onLine !== false
  let offline_ms = online ? null : opened_ms
  const believed = shallowRef<Trust>(trust(heardBy(EMPTY, opened_ms, offline_ms), opened_ms))

  let waiting: LiveEvent[] = []
  let base: Picture | null = null
  let frame: number | null = null
  let hurry: ReturnType<typeof setTimeout> | null = null

  function flush(): void {
    if (frame !== null) cancelAnimationFrame(frame)
    if (hurry !== null) clearTimeout(hurry)
    frame = hurry = null
    const events = waiting
    waiting = []
    picture.value = events.reduce(reduce, base ?? picture.value)
    base = null
    tick()
  }

  function later(): void {
    if (document.visibilityState === 'hidden') hurry ??= setTimeout(flush, HIDDEN_FLUSH_MS)
    else frame ??= requestAnimationFrame(flush)
  }

  function hear(message: ToPage): void {
    const local_ms = Date.now()
    // asked, so that a session that has ended is noticed where every answer is (session.ts)
    if (message.kind === 'refused') return void api.me().catch(() => undefined)
    if (message.kind === 'picture') {
      // the sender's clock is not ours: move what it stamped
      const shift = local_ms - message.local_ms
      const from = message.picture
      base = {
        ...from,
        heard_ms: from.heard_ms === null ? null : from.heard_ms + shift,
        board_ms: from.board_ms === null ? null : from.board_ms + shift,
        clock: { ...from.clock, offset_ms: from.clock.offset_ms - shift },
      }
      waiting = []
    } else waiting.push({ ...message.event, local_ms })
    later()
  }

  let ticked_ms = opened_ms
  function tick(): void {
    const local_ms = Date.now()
    if (local_ms - ticked_ms > WAKE_AFTER_MS) connection.resync()
    if (believed.value.silent_ms > REOPEN_AFTER_MS) connection.check(local_ms)
    const before_on = online
    online = navigator.onLine !== false
    if (before_on && !online) offline_ms = local_ms
    if (!before_on && online) connection.hurry()
    ticked_ms = local_ms
    local.value = local_ms
    const server_s = Math.floor((local_ms + picture.value.clock.offset_ms) / 1000) * 1000
    if (server_s !== now.value) now.value = server_s
    const judged = trust(heardBy(picture.value, opened_ms, offline_ms), local_ms)
    const before = believed.value
    if (judged.link !== before.link || judged.devices !== before.devices || judged.trouble !== before.trouble ||
      judged.waiting !== before.waiting || Math.floor(judged.silent_ms / 1000) !== Math.floor(before.silent_ms / 1000)) believed.value = judged
  }

  const connection = connect(view, me.user, hear)
  const ticker = setInterval(tick, TICK_MS)
  const woke = (): void => tick()
  document.addEventListener('visibilitychange', woke)
  document.addEventListener('resume', woke)
  addEventListener('online', woke)
  addEventListener('offline', woke)

  const waitingReds = computed(() => [...picture.value.alerts.values()].filter(isWaitingRed).length)
  const root = document.documentElement
  watchEffect(() => {
    root.dataset['view'] = page
    root.dataset['link'] = believed.value.link
    root.dataset['devices'] = believed.value.devices
    root.dataset['head'] = picture.value.epoch === null ? '' : `${picture.value.epoch}.${picture.value.head}`
    root.dataset['red'] = String(waitingReds.value)
    root.dataset['build'] = __BUILD__
  })

  const screen = screenName()
  const focus = shallowRef('')
  const beat = (): void => {
    void api
      .beat({
        screen,
        view,
        last: root.dataset['head'] ?? '',
        link: believed.value.link,
        audio: root.dataset['audio'] ?? 'blocked',
        visible: document.visibilityState === 'visible',
        build: __BUILD__,
        focus: focus.value,
      })
      .catch(() => undefined) // a beat that is not heard is exactly what the server looks for
  }
  const beats = setInterval(beat, BEAT_EVERY_MS)
  const firstBeat = setTimeout(beat, 1_500)
  let focused: ReturnType<typeof setTimeout> | undefined
  watch(focus, () => {
    clearTimeout(focused)
    focused = setTimeout(beat, FOCUS_AFTER_MS)
  })

  onScopeDispose(() => {
    clearInterval(ticker)
    clearInterval(beats)
    clearTimeout(firstBeat)
    clearTimeout(focused)
    document.removeEventListener('visibilitychange', woke)
    document.removeEventListener('resume', woke)
    removeEventListener('online', woke)
    removeEventListener('offline', woke)
    connection.close()
  })

  const live: Live = {
    view,
    picture,
    trust: believed,
    now,
    local,
    clock: computed(() => wallClock(picture.value.community?.timezone ?? me.community.timezone, locale())),
    waitingReds,
    wrongClock: computed(() => picture.value.clock.samples > 0 && Math.abs(picture.value.clock.offset_ms) > WRONG_CLOCK_MS),
    learn: (alert) => {
      waiting.push({ name: 'answer', local_ms: Date.now(), value: alert })
      flush()
    },
    resync: connection.resync,
    focus,
  }
  provide(KEY, live)
  return live
}

/** A name for this screen that survives a reload, so that the server can tell two desks apart. */
function screenName(): string {
  try {
    const kept = sessionStorage.getItem('anxin.screen')
    if (kept !== null) return kept
    const made = freshId().slice(0, 12)
    sessionStorage.setItem('anxin.screen', made)
    return made
  } catch {
    return freshId().slice(0, 12)
  }
}
