/** Words of asking to be away or to swap, in both languages; they load with that card alone. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  mine: '我的班次', none: '两周内没有排班', ask: '不能到岗或换班', shift: '哪一班', other: '其他时间', from: '从', until: '到', cover: '谁来顶班', nobody: '还没有找到人', swap: '换对方哪一班', noSwap: '不换，只请对方顶班', reason: '原因', reasonHint: '例如：发烧，家里有事',
  send: '提交申请', sending: '正在提交', waits: '值班席确认后才生效。急事请直接打电话。', asked: '我的申请', states: { open: '等值班席确认', confirmed: '已同意', declined: '未同意', withdrawn: '已收回' }, takeBack: '收回',
  covers: (name: string) => `${name}顶班`, back: (span: string) => `换 ${span}`, failed: (why: string) => `没有成功：${why}`, unreachable: '连不上服务，没有提交。请再按一次，急事请打电话。',
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }

const en: Widen<typeof zh> = {
  mine: 'My shifts', none: 'No shifts in the next two weeks', ask: 'I can’t come, or want to swap', shift: 'Which shift', other: 'Another time', from: 'From', until: 'Until', cover: 'Who stands in', nobody: 'Nobody found yet', swap: 'Which of their shifts you take', noSwap: 'None: they just stand in', reason: 'Reason', reasonHint: 'for example: fever, family',
  send: 'Send the request', sending: 'Sending', waits: 'It counts once the desk has confirmed it. If it is urgent, please ring the desk.', asked: 'My requests', states: { open: 'waiting for the desk', confirmed: 'confirmed', declined: 'declined', withdrawn: 'taken back' }, takeBack: 'Take back',
  covers: (name) => `${name} stands in`, back: (span) => `for ${span}`, failed: (why) => `That did not work: ${why}`, unreachable: 'No connection: nothing was sent. Press again, or ring the desk.',
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
