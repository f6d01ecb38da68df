/** Words of devices out of service, in both languages; they load with the card of one device. */
import { computed } from 'vue'
import { language } from '../texts'
import type { Widen } from '../texts/both'

const zh = {
  title: '停用', inService: '在用', outUntil: (at: string) => `停用至 ${at}`, take: '停用', renew: '续停', back: '恢复使用', until: '停多久', reason: '原因', reasonHint: '如：换电池、等配件、装修',
  hours: (n: number) => (n < 24 ? `${n} 小时` : `${n / 24} 天`), still: '停用期间它的技术告警不再提醒；它报的火警、求助等照常报警。到时自动恢复。', confirm: '我知道，仍要停用', cancel: '取消', was: (from: string, until: string) => `${from} 至 ${until} 停用`, unreachable: '连不上服务，没有登记。请再试一次。',
}

const en: Widen<typeof zh> = {
  title: 'Out of service', inService: 'In service', outUntil: (at) => `Out of service until ${at}`, take: 'Take out of service', renew: 'Renew', back: 'Put back', until: 'For how long', reason: 'Reason', reasonHint: 'e.g. new battery, part ordered, works',
  hours: (n) => (n < 24 ? `${n} hours` : n === 24 ? '1 day' : `${n / 24} days`), still: 'Meanwhile its technical notices are silent; if it raises an alarm, that is still an alarm. It goes back into service by itself.', confirm: 'I understand, take it out of service', cancel: 'Cancel', was: (from, until) => `Out from ${from} to ${until}`, unreachable: 'No connection: nothing was changed. Try again.',
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
