/** Words of changing the rota, in both languages; they load with the page of duty alone. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  change: '登记变动', title: '排班变动', kinds: { away: '不能到岗', swap: '换班', besides: '临时上岗' },
  who: '谁', from: '从', until: '到', cover: '谁来顶班', nobody: '没有人顶班', there: (name: string) => `${name}（那时本来就在岗）`, shift: '哪一班', withWhom: '与谁换', noShifts: '两周内没有排班', reason: '原因', reasonHint: '例如：发烧，家里有事',
  save: '登记', saving: '正在登记', cancel: '取消', back: '返回修改', anyway: '知道有空当，仍要登记', anywayTwice: '知道重班，仍要登记', anywayOther: '知道岗位不同，仍要登记', otherRole: (name: string, role: string, who: string, theirs: string) => `${name}是${role}，要顶的是${theirs}${who}`, double: (name: string, span: string) => `${name} 会同时上两班：${span}`,
  opens: '这样排会留下空当', openGap: (place: string, span: string) => `${place}没有人：${span}`, openHomes: (n: number, span: string) => `${span}，${n} 户十分钟内没人能到：`, more: (n: number) => `等，另 ${n} 户`,
  offDuty: (name: string) => `${name}（不在班）`,
  asks: '待确认的申请', asksFor: (name: string, span: string) => `${name} 申请 ${span} 不在岗`, inReturn: (span: string) => `，换 ${span}`, agree: '同意', disagree: '不同意',
  toldOf: (name: string) => `已通知${name}`, ring: (name: string, phone: string) => `消息发不到，请打电话：${name} ${phone}`,
  changes: '近期变动', noChanges: '没有登记变动', unwritten: '原因不向您显示',
  isAway: (name: string, span: string) => `${name} ${span} 不在岗`, coveredBy: (name: string) => `${name}顶班`, uncovered: '没有人顶班', isBesides: (name: string, span: string) => `${name} ${span} 临时上岗`,
  by: (name: string) => `${name}登记`, withdrawn: (name: string) => `${name}已撤销`, withdraw: '撤销', withdrawTitle: '撤销这项变动？', withdrawAnyway: '知道有空当，仍要撤销', active: '现在生效',
  told: { none: '没有通知地址', untried: '通知未试过', failed: '通知发不到', sent: '通知能发到', verified: '通知已确认' }, seen: (ago: string) => `${ago}在线`,
  missing: '不在', arrows: '用方向键选班次，按回车登记变动', outs: '停用的设备', outsHint: '人到得了，报警来不了', outUntil: (at: string) => `停用至 ${at}`, open: (name: string) => `登记 ${name} 这一班的变动`, failed: (why: string) => `没有成功：${why}`,
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }
type Words = Widen<typeof zh>

const en: Words = {
  offDuty: (name) => `${name} (off duty)`,
  asks: 'Requests to decide', asksFor: (name, span) => `${name} asks to be away ${span}`, inReturn: (span) => `, for ${span}`, agree: 'Confirm', disagree: 'Decline',
  toldOf: (name) => `${name} was told`, ring: (name, phone) => `Messages do not reach them, please ring: ${name} ${phone}`,
  change: 'Change the rota', title: 'Change the rota', kinds: { away: 'Away', swap: 'Swap', besides: 'Extra duty' },
  who: 'Who', from: 'From', until: 'Until', cover: 'Who stands in', nobody: 'Nobody stands in', there: (name) => `${name} (on duty then anyway)`, shift: 'Which shift', withWhom: 'With whom', noShifts: 'No shifts in the next two weeks', reason: 'Reason', reasonHint: 'for example: ill, family matter',
  save: 'Save', saving: 'Saving', cancel: 'Cancel', back: 'Back', anyway: 'Save although it leaves a gap', anywayTwice: 'Save although somebody works twice', anywayOther: 'Save although the role is another', otherRole: (name, role, who, theirs) => `${name} is ${role}, and would stand in for ${who}, ${theirs}`, double: (name, span) => `${name} would work two shifts at once: ${span}`,
  opens: 'This leaves a gap', openGap: (place, span) => `Nobody: ${place}, ${span}`, openHomes: (n, span) => `${span}: ${n} homes nobody can reach within ten minutes:`, more: (n) => `and ${n} more`,
  changes: 'Changes', noChanges: 'No changes', unwritten: 'Reasons are not shown to you',
  isAway: (name, span) => `${name} away ${span}`, coveredBy: (name) => `${name} stands in`, uncovered: 'nobody stands in', isBesides: (name, span) => `${name} on extra duty ${span}`,
  by: (name) => `by ${name}`, withdrawn: (name) => `withdrawn by ${name}`, withdraw: 'Withdraw', withdrawTitle: 'Withdraw this change?', withdrawAnyway: 'Withdraw although it leaves a gap', active: 'in force now',
  told: { none: 'no way to message', untried: 'messages not tried', failed: 'messages fail', sent: 'messages arrive', verified: 'messages confirmed' }, seen: (ago) => `seen ${ago}`,
  missing: 'away', arrows: 'Arrow keys choose a shift, Enter changes it', outs: 'Devices out of service', outsHint: 'people can get there, but no alarm will come', outUntil: (at) => `until ${at}`, open: (name) => `Change this shift of ${name}`, failed: (why) => `That did not work: ${why}`,
}

export const words = computed<Words>(() => (language.value === 'zh' ? zh : en))
