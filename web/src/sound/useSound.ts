/** Joins the sound plan to the live picture and to the loudspeaker, and tells the truth about it in data-audio. */
import { computed, inject, onScopeDispose, provide, shallowRef, watch, watchEffect, type ComputedRef, type InjectionKey, type ShallowRef } from 'vue'
import type { Alert } from '../api/types'
import { isUnacknowledged, openedAt } from '../alerts/order'
import type { Live } from '../live/useLive'
import { ms } from '../words/time'
import { isMuted, mute, plan, SILENT, unmute, type Open, type Pattern } from './plan'
import { Speaker, type SpeakerState } from './speaker'

const RECHECK_MS = 5_000
const CHECK_LASTS_MS = 12 * 3_600_000 // one shift

export interface SoundCheckRecord {
  at_ms: number
  name: string
  heard: boolean
}

export interface Sound {
  state: ComputedRef<'running' | 'blocked' | 'muted'>
  muted_left_s: ComputedRef<number>
  checked: Readonly<ShallowRef<SoundCheckRecord | null>>
  enable: () => Promise<SpeakerState>
  toggleMute: () => void
  test: (pattern: Pattern) => void
  peak: () => number
  record: (heard: boolean) => void
  askAgain: () => void
  /** whether a page that is loaded anew is as loud as this one */
  survives: () => boolean
}

const KEY: InjectionKey<Sound> = Symbol('sound')
export const SOUND = KEY
export const useSound = (): Sound => inject(KEY)!

/** Whether sound came without a touch when this document was opened: then it comes so again. */
let byItself: boolean | null = null

export function provideSound(live: Live, person: string): Sound {
  const speakerState = shallowRef<SpeakerState>('blocked')
  // A button that is held down holds the page still: sound that comes on takes its banner away, and what was pressed would
  // have moved from under the pointer before it is let go. The press would be lost.
  let pressed = false
  let held: SpeakerState | null = null
  const tell = (state: SpeakerState): void => {
    if (pressed) held = state
    else speakerState.value = state
  }
  const letGo = (): void => {
    pressed = false
    setTimeout(() => {
      // after the click of this press
      if (held !== null && !pressed) speakerState.value = held
      if (!pressed) held = null
    })
  }
  const speaker = new Speaker(tell)
  speakerState.value = speaker.state // a kiosk's is on from the first moment: no banner that comes and goes
  const memory = shallowRef(SILENT)
  const checked = shallowRef<SoundCheckRecord | null>(keptCheck(person))

  // a kiosk is allowed to; elsewhere this only tells that a touch is needed
  void speaker.enable().then((now) => (byItself ??= now === 'running' && !navigator.userActivation?.hasBeenActive))
  const recheck = setInterval(() => {
    if (speaker.state === 'blocked' && navigator.userActivation?.hasBeenActive) void speaker.enable()
    else tell(speaker.state)
  }, RECHECK_MS)
  const touched = (): void => {
    if (speaker.state === 'blocked') void speaker.enable()
  }
  const press = (): void => {
    pressed = true
    touched()
  }
  addEventListener('pointerdown', press)
  addEventListener('pointerup', letGo)
  addEventListener('pointercancel', letGo)
  addEventListener('keydown', touched)

  const open = (level: Alert['level']): Open[] => {
    const { alerts, clock } = live.picture.value
    const now = live.local.value + clock.offset_ms
    const list: Open[] = []
    for (const alert of alerts.values()) {
      const waits = isUnacknowledged(alert)
      // who took it relies on somebody who is not there: the notes of a yellow, a red as well
      const late = level === 'yellow' && !waits && alert.overdue === true
      if (!late && !(waits && alert.level === level)) continue
      const held = ms(alert.hold_until)
      if (held !== null && held > now) continue
      list.push({ id: alert.id, since_ms: (late ? (ms(alert.arrive_by) ?? now) : openedAt(alert)) - clock.offset_ms })
    }
    return list
  }

  watch([live.picture, live.local, live.trust], () => {
    const planned = plan(memory.value, {
      now_ms: Date.now(),
      red: open('red'),
      yellow: open('yellow'),
      blue: open('blue'),
      trouble: live.trust.value.trouble,
      flood: live.picture.value.flood,
    })
    if (memory.value.red.size > 0 && planned.memory.red.size === 0) speaker.hush()
    memory.value = planned.memory
    for (const burst of planned.bursts) speaker.play(burst)
  }, { immediate: true })

  const state = computed(() => {
    if (speakerState.value !== 'running') return 'blocked'
    return isMuted(memory.value, live.local.value) ? 'muted' : 'running'
  })
  watchEffect(() => {
    document.documentElement.dataset['audio'] = state.value
  })

  onScopeDispose(() => {
    clearInterval(recheck)
    removeEventListener('pointerdown', press)
    removeEventListener('pointerup', letGo)
    removeEventListener('pointercancel', letGo)
    removeEventListener('keydown', touched)
    speaker.hush()
  })

  const sound: Sound = {
    state,
    muted_left_s: computed(() => Math.max(0, Math.ceil((memory.value.muted_until_ms - live.local.value) / 1000))),
    checked,
    enable: () => speaker.enable(),
    toggleMute: () => {
      const now = Date.now()
      memory.value = isMuted(memory.value, now) ? unmute(memory.value) : mute(memory.value, now)
      if (isMuted(memory.value, now)) speaker.hush()
    },
    test: (pattern) => speaker.play({ pattern, volume: 1, restart: true }),
    peak: () => speaker.peak(),
    record: (heard) => {
      checked.value = { at_ms: Date.now() + live.picture.value.clock.offset_ms, name: person, heard }
      try {
        localStorage.setItem('anxin.sound', JSON.stringify(checked.value))
      } catch {
        // asked again after a reload
      }
    },
    askAgain: () => {
      checked.value = null
    },
    survives: () => state.value === 'blocked' || (state.value === 'running' && byItself === true),
  }
  provide(KEY, sound)
  return sound
}

function keptCheck(person: string): SoundCheckRecord | null {
  try {
    const kept = JSON.parse(localStorage.getItem('anxin.sound') ?? 'null') as SoundCheckRecord | null
    return kept !== null && kept.name === person && kept.heard && Math.abs(Date.now() - kept.at_ms) < CHECK_LASTS_MS ? kept : null
  } catch {
    return null
  }
}
