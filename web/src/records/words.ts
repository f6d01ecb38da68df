/** Words of the page of records, in both languages; they load with that page alone. */
import { computed } from 'vue'
import { language } from '../texts'
import type { Widen } from '../texts/both'

const zh = {
  period: '时段', periods: { today: '今天', week: '近 7 天', month: '本月', last: '上月', all: '全部' },
  looks: '健康数据查阅', looksHint: '没有涉及老人安危的未结告警时，每次查阅都留理由', noLooks: '这段时间没有需要写理由的查阅',
  exports: '数据导出', exportsHint: '每份文件的用途写在文件开头', noExports: '这段时间没有导出',
  at: '时间', who: '人员', home: '住户', what: '内容', reason: '理由', days: '数据期间', purpose: '用途', number: '文件编号',
  looked: { days: '起居与体征', history: '历史数据', usual: '平时规律', strip: '近一小时' }, files: { figures: '响应指标', protection: '防护时数' },
  only: { grid: '网格', code: '规则', level: '级别' }, levels: { red: '红', yellow: '黄', blue: '蓝' },
  span: (from: number, to: number, all: number) => `第 ${from}–${to} 条，共 ${all} 条`, none: '共 0 条', newer: '上一页', older: '下一页', newerOf: (of: string) => `${of}：上一页`, olderOf: (of: string) => `${of}：下一页`,
}

const en: Widen<typeof zh> = {
  period: 'Period', periods: { today: 'Today', week: '7 days', month: 'This month', last: 'Last month', all: 'All' },
  looks: 'Looks at health data', looksHint: 'While no alert about the person is open, each look leaves its reason', noLooks: 'No look in this period needed a reason',
  exports: 'Exports', exportsHint: 'What a file is for stands at its top', noExports: 'Nothing was exported in this period',
  at: 'When', who: 'Who', home: 'Home', what: 'What', reason: 'Why', days: 'Days it tells of', purpose: 'What for', number: 'File number',
  looked: { days: 'Days and vitals', history: 'History', usual: 'What is usual', strip: 'Last hour' }, files: { figures: 'Response figures', protection: 'Protected home-hours' },
  only: { grid: 'grid', code: 'rule', level: 'level' }, levels: { red: 'red', yellow: 'yellow', blue: 'blue' },
  span: (from: number, to: number, all: number) => `${from} to ${to} of ${all}`, none: '0 in all', newer: 'Newer', older: 'Older', newerOf: (of: string) => `${of}: newer`, olderOf: (of: string) => `${of}: older`,
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
