/** Fetches the evidence strip of the home in the centre: with each case, with each change of it, and every 15 s. */
import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { api } from '../api/client'
import type { Alert, Strip } from '../api/types'
import type { Live } from '../live/useLive'
import { me } from '../session'

const EVERY_MS = 15_000

export function useStrip(of: () => Alert | null, live: Live) {
  const strip = shallowRef<Strip | null>(null)
  const failed = ref(false)
  let turn = 0

  async function fetchStrip(): Promise<void> {
    const one = of()
    // the last hour is evidence of what is open: beside a case that is over it would be a look at somebody's home
    const home = one?.at_centre || one?.state === 'closed' || me.value?.role === 'auditor' ? null : one?.home
    const mine = (turn += 1)
    if (!home) {
      strip.value = null
      return
    }
    if (strip.value?.home !== home) strip.value = null
    try {
      const answer = await api.strip(home)
      if (mine === turn) [strip.value, failed.value] = [answer, false]
    } catch {
      if (mine === turn) failed.value = true
    }
  }

  watch(() => [of()?.id, of()?.version, live.trust.value.link === 'live'], () => void fetchStrip(), { immediate: true })
  const again = setInterval(() => {
    if (of() !== null && live.trust.value.link === 'live') void fetchStrip()
  }, EVERY_MS)
  onScopeDispose(() => clearInterval(again))
  return { strip, failed }
}
