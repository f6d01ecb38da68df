/** Homes as they are looked for at the desk: by name, address, telephone, device or number, while somebody types. */
import { onBeforeUnmount, ref, watch, type Ref } from 'vue'
import { api } from '../api/client'
import { calls } from './calls'

export interface FoundHome {
  home: string
  address: string
  /** of whoever lives there and was found; empty where nobody lives */
  name: string
}

/** a home by its number, be there people in it or not; null when there is none, or no answer */
export async function homeOf(id: string): Promise<FoundHome | null> {
  const one = await calls.home(id).catch(() => null)
  return one && { home: one.id, address: one.address, name: (one.residents ?? []).map((each) => each.name).join('、') }
}

/** `text`: what is being typed. Gives the homes found; null while nothing was asked, or nobody answered. */
export function useHomes(text: () => string): Ref<FoundHome[] | null> {
  const found = ref<FoundHome[] | null>(null)
  let pause: ReturnType<typeof setTimeout> | undefined
  let turn = 0
  watch(() => text().trim(), (words) => {
    clearTimeout(pause)
    const mine = (turn += 1)
    if (words === '') {
      found.value = null
      return
    }
    pause = setTimeout(async () => {
      const answer = await api.residents(words).catch(() => null)
      const homes = new Map<string, FoundHome>()
      for (const one of answer?.items ?? []) if (!homes.has(one.home)) homes.set(one.home, { home: one.home, address: one.address, name: one.name })
      const empty = answer !== null && homes.size === 0 && /^[\w.-]+$/.test(words) ? await homeOf(words) : null
      if (mine === turn) found.value = answer && (empty ? [empty] : [...homes.values()])
    }, 180)
  }, { immediate: true })
  onBeforeUnmount(() => clearTimeout(pause))
  return found
}
