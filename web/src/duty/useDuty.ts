/**
 * Who could go to the door of a case, in the order of the service: desk and wall ask the same, so that one number is one person.
 * Asked anew with each case and each change of duty; until the answer is there the order of before stays.
 */
import { shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { api } from '../api/client'
import type { Alert, Duty } from '../api/types'
import type { Live } from '../live/useLive'

export function useDuty(live: Live, first: Ref<Alert | null>, view?: 'wall'): ShallowRef<Duty | null> {
  const duty = shallowRef<Duty | null>(null)
  let asked = 0
  watch([() => first.value?.id ?? null, () => live.picture.value.duty, () => first.value?.responders.length], async ([id, known], [before]) => {
    const turn = (asked += 1)
    if (id === null || id !== before) duty.value = known
    if (id === null) return
    try {
      const answer = await api.duty(id, view)
      if (turn === asked) duty.value = answer
    } catch {
      if (turn === asked) duty.value = known // the list without minutes; the link says the rest
    }
  }, { immediate: true })
  return duty
}
