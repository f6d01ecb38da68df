/** Words of the pages beyond wall and desk. They load with those pages, so that the wall's first load does not carry them. */
import { computed, shallowRef, watch } from 'vue'
import { language } from './index'
import { pagesZh } from './pages.zh'

type Widen<T> = T extends string ? string : T extends readonly string[] ? readonly string[] : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }
export type PagesTexts = Widen<typeof pagesZh>

/** The English words come when somebody asks for them; until they are there the Chinese stand. */
const english = shallowRef<PagesTexts | null>(null)
watch(language, async (now) => {
  if (now === 'en' && english.value === null) english.value = (await import('./pages.en')).pagesEn
}, { immediate: true })

export const pages = computed<PagesTexts>(() => (language.value === 'zh' ? pagesZh : (english.value ?? pagesZh)))
