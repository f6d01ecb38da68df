/** Something asked of the service: its value, its age, and why it is not there. Asked again every so often, and when the link is back. */
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { Refusal } from '../api/client'
import type { Live } from '../live/useLive'

export interface Loaded<T> {
  value: Readonly<ShallowRef<T | null>>
  /** reason of the last refusal; null while all is well */
  fault: Readonly<Ref<string | null>>
  busy: Readonly<Ref<boolean>>
  /** seconds since the value was told; null before */
  age_s: ComputedRef<number | null>
  again: () => Promise<void>
}

export function useLoaded<T>(ask: () => Promise<T>, live: Live, every_ms: number | null = 15_000): Loaded<T> {
  const value = shallowRef<T | null>(null)
  const fault = ref<string | null>(null)
  const busy = ref(false)
  const told_ms = ref<number | null>(null)
  let turn = 0

  async function again(): Promise<void> {
    const mine = (turn += 1)
    busy.value = true
    try {
      const answer = await ask()
      if (mine !== turn) return
      value.value = answer
      fault.value = null
      told_ms.value = Date.now()
    } catch (error) {
      if (mine !== turn) return
      if (!(error instanceof Refusal)) throw error
      fault.value = error.reason
      if (error.status === 403 || error.status === 404) value.value = null
    } finally {
      if (mine === turn) busy.value = false
    }
  }

  void again()
  const timer = every_ms === null ? undefined : setInterval(() => void again(), every_ms)
  watch(() => live.trust.value.link, (link) => link === 'live' && fault.value === 'unreachable' && void again())
  onScopeDispose(() => clearInterval(timer))
  return { value, fault, busy, again, age_s: computed(() => (told_ms.value === null ? null : (live.local.value - told_ms.value) / 1000)) }
}
