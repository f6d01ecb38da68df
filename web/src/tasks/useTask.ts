/** One act at a time: busy while it runs, and why it was refused in words. */
import { ref, type Ref } from 'vue'
import { Refusal } from '../api/client'
import { pages as p } from '../texts/pages'
import { words as w } from './words'

/** what a select says; `v-model` on one would add to what every screen loads */
export const picked = (event: Event): string => (event.target as HTMLSelectElement).value

export interface Task {
  busy: Readonly<Ref<boolean>>
  fault: Readonly<Ref<string | null>>
  /** what the act gave; null when it was refused or another one runs */
  run: <T>(act: () => Promise<T>) => Promise<T | null>
}

/** The service says what, where and what to do; without it we have only the reason. */
const usual = (error: Refusal): string => w.value.failed(error.problem.detail ?? p.value.faults[error.reason as keyof typeof p.value.faults] ?? error.reason)

/** `words`: why an act was refused, for a page that says it in its own way. */
export function useTask(words: (error: Refusal) => string = usual): Task {
  const busy = ref(false)
  const fault = ref<string | null>(null)
  async function run<T>(act: () => Promise<T>): Promise<T | null> {
    if (busy.value) return null
    busy.value = true
    fault.value = null
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      fault.value = words(error)
      return null
    } finally {
      busy.value = false
    }
  }
  return { busy, fault, run }
}
