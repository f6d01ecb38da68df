/** Words of the photographs on the responder's phone, in both languages. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '现场照片', take: '拍一张', working: '正在处理', how: '只拍现场，不拍人脸。照片只给值班席和同去的人看，和这条告警一起保存、到期删除。', noConsent: '老人没有同意拍照，这次不拍。', later: '老人是否同意拍照：联网后显示。在那之前先不拍。',
  waiting: (n: number) => `${n} 张待上传`, notSent: '待上传', sent: '已上传', remove: '删除', removed: '照片已删除', unreadable: '这张照片读不出来，请再拍一张', unreachable: '没有网络，还没有删除', refused: (why: string) => `照片没有收下${why ? `：${why}` : ''}`,
  of: (who: string, at: string) => `${who} ${at} 拍的现场照片`, mine: (at: string) => `${at} 拍的现场照片，待上传`,
}
type Widen<T> = { [K in keyof T]: T[K] extends (...args: infer A) => string ? (...args: A) => string : string }
const en: Widen<typeof zh> = {
  title: 'Photos of the scene', take: 'Take a photo', working: 'Working', how: 'The scene only, no faces. Seen by the desk and those who go; kept with this alert and deleted with it.', noConsent: 'The residents have not agreed to photos, so please take none.', later: 'Whether the residents have agreed to photos is shown when online. Until then please take none.',
  waiting: (n) => `${n} to send`, notSent: 'to be sent', sent: 'sent', remove: 'Delete', removed: 'Photo deleted', unreadable: 'This photo cannot be read; take it again', unreachable: 'No network: not deleted yet', refused: (why) => `The photo was not accepted${why ? `: ${why}` : ''}`,
  of: (who, at) => `Photo of the scene by ${who} at ${at}`, mine: (at) => `Photo of the scene at ${at}, to be sent`,
}
export const words = computed(() => (language.value === 'zh' ? zh : en))
