/** Words of the bottom row, in both languages; they load with it. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = { updated: (ago: string) => `${ago}更新`, silent: '设备数据中断' }
const en: typeof zh = { updated: (ago) => `updated ${ago}`, silent: 'no device heard' }

export const words = computed(() => (language.value === 'zh' ? zh : en))
