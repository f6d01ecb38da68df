/** Whether a media query holds, kept true while the page lives. */
import { onScopeDispose, readonly, ref, type Ref } from 'vue'

export function useMedia(query: string): Readonly<Ref<boolean>> {
  const list = matchMedia(query)
  const holds = ref(list.matches)
  const changed = (): void => {
    holds.value = list.matches
  }
  list.addEventListener('change', changed)
  onScopeDispose(() => list.removeEventListener('change', changed))
  return readonly(holds)
}
