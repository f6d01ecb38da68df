/** Words that load with what needs them: Chinese at once, English when somebody asks for it. */
import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { awaits, language, wanted } from './index'

export type Widen<T> = T extends string ? string : T extends readonly string[] ? readonly string[] : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }

/** They come before the page is shown (`wordsThere` in router.ts); on a line that does not bring them the Chinese stand. */
export function inBoth<T>(zh: T, load: () => Promise<T>): ComputedRef<T> {
  const english = shallowRef<T | null>(null)
  const fetched = async (): Promise<void> => {
    if (wanted.value === 'en' && english.value === null) english.value = await load()
  }
  watch(wanted, () => awaits(fetched), { immediate: true, flush: 'sync' })
  return computed(() => (language.value === 'zh' ? zh : (english.value ?? zh)))
}
