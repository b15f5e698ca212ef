// One conversation, or a thread in it: read, search, change, delete, write in somebody's name.

import { path, rest } from "../api.js";
import { only } from "../me.js";
import { alert, card, code, facts, html, json, name, number, plain, time, useRef, useState } from "../ui/base.js";
import { ask, confirm, look } from "../ui/dialogs.js";
import { Act, Area, Choice, Field, Form, readJson } from "../ui/forms.js";
import { appFrame, inApp } from "../ui/frames.js";
import { sender, shown, summary } from "../ui/message.js";
import { UserField } from "../ui/people.js";
import { Stream } from "../ui/stream.js";

export async function show(app, which, id) {
  if (which === "thread") {
    const { data: parent } = await rest(app, "GET", path("messages", id));
    return appFrame(app, "conversations", html`<${Conversation} app=${app} sample=${parent} parent=${parent} />`, "Thread");
  }
  const { data } = await rest(app, "GET", "messages?" + new URLSearchParams({ conversationId: id, affix: "prepend", limit: 1 }));
  const sample = data[0];
  return appFrame(app, "conversations", sample
    ? html`<${Conversation} app=${app} sample=${sample} />`
    : html`<p class="empty">There is no message in this conversation, or it is not there.</p>`, title(app, sample, id));
}

function title(app, sample, id) {
  if (!sample) return code(id);
  if (sample.receiverType === "group") {
    const { receiver, for: whole } = sample.data.entities ?? {};
    return name((receiver ?? whole)?.entity?.name ?? sample.receiver);
  }
  const { sender: from, receiver: to, by, for: other } = sample.data.entities ?? {};
  return [name((from ?? by)?.entity?.name ?? sample.sender), " and ", name((to ?? other)?.entity?.name ?? sample.receiver)];
}

function Conversation({ app, sample, parent }) {
  const [mode, setMode] = useState({});
  const [error, setError] = useState("");
  const control = useRef(null);
  const group = sample.receiverType === "group";
  const load = async (at) => {
    const asked = new URLSearchParams(at);
    if (mode.search) asked.set("searchKey", mode.search);
    if (mode.from) asked.set("sender", mode.from);
    if (parent) return (await rest(app, "GET", `${path("messages", parent.id, "thread")}?${asked}`)).data;
    asked.set("conversationId", sample.conversationId);
    // Replies stand in their thread, as people see it; a search finds them, too.
    if (!mode.search) asked.set("hideReplies", "true");
    return (await rest(app, "GET", "messages?" + asked)).data;
  };
  const one = async (id) => {
    try {
      return (await rest(app, "GET", path("messages", id))).data;
    } catch (refusal) {
      if (refusal.code === "ERR_MESSAGE_ID_NOT_FOUND") return null;
      throw refusal;
    }
  };
  const more = (message) => tell(app, message).then((changed) => changed && control.current.renew(message.id)).catch((refusal) => setError(refusal.message));
  const jump = (message) => {
    if (message.parentId && !parent) location.hash = inApp(app, "conversations", "thread", message.parentId);
    else setMode({ around: message.id });
  };
  const row = (message) => shown(app, message, {
    more, dated: !!mode.search, extra: mode.search && html`<button type="button" class="small" onClick=${() => jump(message)}>Show in place</button>`,
  });
  const search = ({ search: words, from }) => setMode(words || from ? { search: words, from } : {});
  const found = mode.search || mode.from;
  return html`<div class="buttons links">${group
    ? html`<a href=${inApp(app, "groups", sample.receiver)}>The group ${code(sample.receiver)}</a>`
    : [sample.sender, sample.receiver].map((uid) => html`<a href=${inApp(app, "users", uid)}>${code(uid)}</a>`)}
    ${parent ? html`<a href=${inApp(app, "conversations", "id", parent.conversationId)}>The whole conversation</a>` : html`<span class="dim">${code(sample.conversationId)}</span>`}</div>
    ${parent && card("What it answers", html`<div class="message single">${html`<div>${shown(app, { ...parent, replyCount: 0 }, { dated: true, more })}</div>`}</div>`)}
    ${card(found ? "Found" : parent ? "Replies" : "Messages",
    !parent && html`<${Form} kind="row" role="search" aria-label="Messages" submit="Search" act=${search}
        more=${found || mode.around ? html`<button type="button" onClick=${() => setMode({})}>Back to the newest</button>` : null}>
        <${Field} title="Words" name="search" type="search" autocomplete="off" maxlength="200" /><${Field} title="Sent by (uid)" name="from" type="search" autocomplete="off" spellcheck="false" maxlength="100" /><//>`,
    html`<${Stream} key=${JSON.stringify(mode)} load=${load} one=${one} row=${row} around=${mode.around} control=${control}
        empty=${found ? "No message fits this search." : "Nobody has written anything yet."} />`, alert(error))}
    ${only("admin", card(parent ? "Answer as a user" : "Write as a user", html`<${Write} app=${app} sample=${sample} parent=${parent} written=${() => (found || mode.around ? setMode({}) : control.current.newest())} />`))}`;
}

const KINDS = ["image", "video", "audio"];

/** Writes in the name of a member, of one of both, or of the app. */
function Write({ app, sample, parent, written }) {
  const group = sample.receiverType === "group";
  const both = [sample.sender, sample.receiver].filter((uid) => uid !== "app_system");
  const act = async ({ as, text, file }, node) => {
    const uid = as.trim();
    const receiver = group ? sample.receiver : both.find((one) => one !== uid) ?? uid;
    const common = { receiver, receiverType: sample.receiverType, ...(parent && { parentId: parent.id }) };
    if (file?.size) {
      const form = new FormData();
      const kind = file.type.split("/")[0];
      for (const [key, value] of Object.entries({ ...common, category: "message", type: KINDS.includes(kind) ? kind : "file" })) form.append(key, value);
      if (text) form.append("data", JSON.stringify({ text }));
      form.append("files", file);
      await rest(app, "POST", "messages", form, uid || undefined);
    } else {
      if (!text.trim()) throw new Error("Write something, or choose a file.");
      await rest(app, "POST", "messages", { ...common, category: "message", type: "text", data: { text } }, uid || undefined);
    }
    node.elements.text.value = "";
    node.elements.file.value = "";
    written();
  };
  return html`<${Form} kind="write" submit="Send" act=${act}>
    ${group ? html`<${UserField} app=${app} name="as" title="As (uid)" required=${false} hint="A member. Empty: as the app itself." />`
    : html`<${Choice} title="As" name="as" options=${both.map((uid) => [uid, uid])} />`}
    <${Area} title="Text" name="text" rows="2" maxlength="10000" /><${Field} title="File" name="file" type="file" /><//>`;
}

/** All there is to know of a message, and what can be done with it. Whether it changed. */
async function tell(app, message) {
  const own = path("messages", message.id);
  const { data: reactions } = message.data?.reactions?.length ? await rest(app, "GET", own + "/reactions?limit=100") : { data: [] };
  let changed = false;
  await look(["Message ", code(message.id)], (close, refused) => {
    const then = (done) => {
      if (!done) return;
      changed = true;
      close();
    };
    const edit = async () => then(await editText(app, message));
    const remove = (permanent) => async () => then(await confirm({
      title: permanent ? "Delete for good?" : "Delete this message?", submit: permanent ? "Delete for good" : "Delete message",
      text: [name(summary(message)), permanent ? "It is removed with its files and reactions. There is no way back." : "People see that there was a message; what it said is hidden from them."],
      act: () => rest(app, "DELETE", own, permanent ? { permanent: true } : {}),
    }));
    const can = message.category !== "action" && message.category !== "call";
    return html`${facts([["Sent", time(message.sentAt)], ["By", html`${name(sender(message).name)} ${code(message.sender)}`], ["To", code(message.receiver)],
      ["Conversation", code(message.conversationId)], ["Kind", code(`${message.category}/${message.type}`)], ["muid", message.muid && code(message.muid)],
      ["Delivered", message.deliveredAt && time(message.deliveredAt)], ["Read", message.readAt && time(message.readAt)],
      ["Edited", message.editedAt && html`${time(message.editedAt)} by ${code(message.editedBy ?? "")}`],
      ["Deleted", message.deletedAt && html`${time(message.deletedAt)} by ${code(message.deletedBy ?? "")}`],
      ["Moderation", message.data?.moderation?.status && plain(message.data.moderation.status)],
      ["Replies", message.replyCount > 0 && number(message.replyCount)],
      ["Reactions", reactions.length > 0 && html`<ul class="flat">${reactions.map((one) => html`<li>${plain(one.reaction)} ${name(one.reactedBy?.name ?? one.uid ?? "")}</li>`)}</ul>`]])}
      <div class="buttons">
        ${can && !message.deletedAt && message.category !== "interactive" && html`<${Act} refused=${refused} act=${edit}>Edit…<//>`}
        ${can && !message.deletedAt && html`<${Act} class="bad" refused=${refused} act=${remove(false)}>Delete…<//>`}
        ${can && html`<${Act} class="bad" refused=${refused} act=${remove(true)}>Delete for good…<//>`}</div>
      <details><summary>As JSON</summary>${json("The message as JSON", message)}</details>`;
  });
  return changed;
}

async function editText(app, message) {
  const { text, customData } = message.data;
  const custom = message.category === "custom";
  return ask({
    title: "Edit this message", submit: "Save", wide: true,
    fields: custom ? html`<${Area} title="Data" name="data" class="code" rows="10" spellcheck="false" value=${JSON.stringify(customData, null, 2)} autofocus />`
      : html`<${Area} title="Text" name="text" rows="6" maxlength="10000" value=${text} autofocus />`,
    act: (values) => rest(app, "PUT", path("messages", message.id), { data: custom ? { customData: readJson("The data", values.data) } : { text: values.text } }),
  });
}
