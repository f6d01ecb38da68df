/** Words that load with what needs them: Chinese at once, English when somebody asks for it. */
import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { language } from './index'

export type Widen<T> = T extends string ? string : T extends readonly string[] ? readonly string[] : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }

/** Until the English words are there the Chinese stand. */
export function inBoth<T>(zh: T, load: () => Promise<T>): ComputedRef<T> {
  const english = shallowRef<T | null>(null)
  watch(language, async (now) => {
    if (now === 'en' && english.value === null) english.value = await load()
  }, { immediate: true })
  return computed(() => (language.value === 'zh' ? zh : (english.value ?? zh)))
}
