/**
 * A new build of the service. A page that stays open for weeks gets it when nobody loses anything by it: it may go (`free`: no
 * red, no call, no sound that would not come back), nobody has touched anything for a minute, nothing is written in a field and
 * no dialog is open. Until then it is offered where there is somebody to press (ux.md 6.2).
 */
import { computed, onScopeDispose, shallowRef, watch, type ComputedRef } from 'vue'
import type { Live } from './useLive'

const QUIET_MS = 60_000
const LOOK_EVERY_MS = 5_000
const PATIENCE_MS = 4_000
const TOUCHES = ['pointerdown', 'keydown', 'wheel'] as const

/** What the service ran when this document came: another page of the same document is no newer. */
const built = shallowRef<string | null>(null)
let touched_ms = -Infinity

export interface NewBuild {
  offered: ComputedRef<boolean>
  reload: () => void
}

/** Whether the picture of a page may be put away for a moment: it is whole, and no red is open, taken or not. */
export const noRed = ({ trust, picture }: Live): boolean => trust.value.link === 'live' && ![...picture.value.alerts.values()].some((alert) => alert.level === 'red')

const written = (): boolean =>
  document.querySelector('dialog[open]') !== null ||
  [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('textarea, input:not([type="checkbox"], [type="radio"])')].some((field) => field.value !== '')

export function useNewBuild(told: () => string | null | undefined, free: () => boolean): NewBuild {
  watch(told, (build) => (built.value ??= build ?? null), { immediate: true, flush: 'sync' })
  const offered = computed(() => built.value !== null && (told() ?? built.value) !== built.value)
  const reload = (): void => location.reload()

  const touch = (): void => void (touched_ms = performance.now())
  for (const kind of TOUCHES) addEventListener(kind, touch, { passive: true })
  const may = (): boolean => offered.value && free() && performance.now() - touched_ms > QUIET_MS && !written()
  const looking = setInterval(async () => {
    // a page that goes and finds nobody would be a dark screen: the service must answer first
    if (may() && (await fetch('/', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) }).then(({ ok }) => ok, () => false)) && may()) reload()
  }, LOOK_EVERY_MS)
  onScopeDispose(() => {
    clearInterval(looking)
    for (const kind of TOUCHES) removeEventListener(kind, touch)
  })
  return { offered, reload }
}
