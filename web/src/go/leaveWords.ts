/** Words of handing over and leaving on the responder's phone, in both languages. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  open: '交接、离开', whom: '交给谁', give: (name: string, state: string) => `交给 ${name}（${state}）`, away: '还没到的人接手后，请等他到了再走。',
  nobody: '现在没有别人过来。能等就先打给值班席，请他们派人来接。', leave: '没人接，我要离开', leaveWords: '值班席会马上响铃，另外派人。', waits: '待上传：联网后值班席才知道，急就打电话',
}
const en: typeof zh = {
  open: 'Hand over or leave', whom: 'Who takes over', give: (name, state) => `To ${name} (${state})`, away: 'If they are not here yet, please wait until they are.',
  nobody: 'Nobody else is coming now. If you can wait, ring the desk first and ask for somebody to take over.', leave: 'Nobody takes over, I must leave', leaveWords: 'The desk is rung at once and sends somebody else.', waits: 'Waits to be sent: the desk knows once you are online. If it is urgent, ring',
}
export const words = computed(() => (language.value === 'zh' ? zh : en))
