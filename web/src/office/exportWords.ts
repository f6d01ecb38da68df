/** Words of the dialog that asks what a file is for; they load with it. */
import { computed } from 'vue'
import { language } from '../texts'
import type { Widen } from '../texts/both'

const zh = {
  title: '导出 CSV', purpose: '导出用途', hint: '如：6 月街道例会', choices: ['月度报表', '街道检查', '内部复盘'], said: '用途、导出人和时间会留档，并写在文件开头；请不要写老人姓名。', whole: (days: string) => `文件是上个整月（${days}）全社区的数据，与页面上的筛选无关；本月的请下月导出。`, few: '文件里没有姓名、住址和单个告警；少于 5 户的分组不单列。', save: '导出', saving: '正在导出', cancel: '取消', recent: '最近的导出', whats: { figures: '响应指标', protection: '防护时数' },
  faults: { unreachable: '连不上服务，没有导出', reason_needed: '请写明导出用途', history_unavailable: '暂时读不到历史，没有导出', other: '没有导出，请再试一次' },
}

const en: Widen<typeof zh> = {
  title: 'Export CSV', purpose: 'What it is for', hint: 'such as: meeting of the subdistrict, June', choices: ['Monthly report', 'Inspection', 'Internal review'], said: 'What it is for, who took it and when is kept, and stands at the top of the file; please name no resident.', whole: (days: string) => `The file tells of the last whole month (${days}) and of the whole community, whatever is chosen on the page; this month can be exported once it is over.`, few: 'The file holds no names, no addresses and no single alert; groups of fewer than 5 homes are not told apart.', save: 'Export', saving: 'Exporting', cancel: 'Cancel', recent: 'Last exports', whats: { figures: 'Response figures', protection: 'Protected home-hours' },
  faults: { unreachable: 'Not connected: nothing was exported', reason_needed: 'Please say what it is for', history_unavailable: 'Past records cannot be read just now: nothing was exported', other: 'Nothing was exported, please try again' },
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
