/** Words of the page of whoever mends devices, in both languages; they load with that page alone. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '维修单', mine: '我接的单', free: '待接的单', others: '同事接的单', none: '现在没有维修单', noneWords: '设备有问题时，单子会出现在这里。',
  gateway: '网关', overdue: '已逾期', due: (at: string) => `${at} 前办完`, again: (n: number) => `返工第 ${n} 次`,
  since: '从何时起', last: '最近上报', never: '没有上报记录', wrong: '问题', out: '停用', outUntil: (at: string) => `到 ${at}`, take: '接单', taking: '正在提交', release: '退回', report: '填写结果', cancel: '先不填',
  found: '什么原因', did: '做了什么', note: '备注（可不填）', save: '提交结果',
  founds: { battery: '电池没电', moved: '位置不对或被挪动', broken: '设备坏了', power: '停电或没插电', network: '网络不通', unplugged: '被人拔掉或关掉', unclear: '没查清' },
  dids: { battery: '换电池', resited: '换位置', replaced: '换新设备', repaired: '修好', power: '恢复供电', reset: '重启、重新入网', nothing_found: '没发现问题' },
  waits: '结果已记下，等设备重新上报', waitsHow: '请在现场按一下设备的测试键；收到上报、一切正常后自动结束。一天内收不到，单子会退回给您。',
  hasIt: (who: string) => `${who} 已接单`, noStaff: '这个账号没有对应到工作人员，不能接单。请联系管理员。', signOut: '退出登录',
  stale: (at: string) => `连不上服务，下面是 ${at} 的内容`, first: '正在读取维修单', failed: (why: string) => `没有成功：${why}`, unreachable: '连不上服务，没有提交。请再按一次。',
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }

const en: Widen<typeof zh> = {
  title: 'Maintenance orders', mine: 'My orders', free: 'Waiting to be taken', others: 'With colleagues', none: 'No orders at the moment', noneWords: 'Orders appear here when something is wrong with a device.',
  gateway: 'Gateway', overdue: 'overdue', due: (at) => `due ${at}`, again: (n) => `came back ${n}×`,
  since: 'Since', last: 'Last report', never: 'no report on record', wrong: 'Problem', out: 'Out of service', outUntil: (at) => `until ${at}`, take: 'Take it', taking: 'Sending', release: 'Give it back', report: 'Report the outcome', cancel: 'Not yet',
  found: 'What was the cause?', did: 'What did you do?', note: 'Note (optional)', save: 'Send the report',
  founds: { battery: 'battery empty', moved: 'wrong place, or moved', broken: 'device broken', power: 'no power', network: 'no network', unplugged: 'unplugged or switched off', unclear: 'cause not found' },
  dids: { battery: 'battery changed', resited: 're-sited', replaced: 'device replaced', repaired: 'repaired', power: 'power restored', reset: 'restarted or paired again', nothing_found: 'nothing found' },
  waits: 'Saved. Waiting for the device to report', waitsHow: 'While you are there, press the device’s test button. Once it reports and all is well, the order ends by itself; if nothing comes within a day, it comes back to you.',
  hasIt: (who) => `${who} has it`, noStaff: 'This account is not linked to a member of staff, so it cannot take orders. Please ask the administrator.', signOut: 'Sign out',
  stale: (at) => `No connection. This is how things were at ${at}`, first: 'Loading the orders', failed: (why) => `That did not work: ${why}`, unreachable: 'No connection: nothing was sent. Press again.',
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
