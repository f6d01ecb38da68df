/** Words of the pages beyond wall and desk. They load with those pages, so that the wall's first load does not carry them. */
import { computed } from 'vue'
import { language } from './index'
import { pagesEn } from './pages.en'
import { pagesZh } from './pages.zh'

type Widen<T> = T extends string ? string : T extends readonly string[] ? readonly string[] : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }
export type PagesTexts = Widen<typeof pagesZh>

export const pages = computed<PagesTexts>(() => (language.value === 'zh' ? pagesZh : pagesEn))
