// Webhooks of an app: where its events are told, what became of each, and telling them again.

import { call, path } from "./api.js";
import { alert, boxes, card, check, choice, code, confirm, crumbs, dialogOf, dim, el, facts, field, form, name, number, once, pill, plain, table, time } from "./ui.js";

const SHOWN_ONCE = "The secret is shown only now. Whoever receives events checks by it that they are this server's.";
const CATEGORIES = { message: "Messages", conversation: "Conversations", user: "Users", group: "Groups", call: "Calls", moderation: "Moderation" };

function status(hook) {
  if (!hook.enabled) return pill(hook.disabledBecause ? "switched off by the server" : "switched off", hook.disabledBecause ? "off" : "");
  return hook.failingSince ? pill("failing", "off") : pill("in use", "on");
}

/** So many, or so many and more. */
const many = (count) => (count >= 1000 ? `${number(count)} or more` : number(count ?? 0));

/** Names the webhooks at which nothing arrives; nothing where all is well. */
export function failing(hooks) {
  if (!hooks.length) return null;
  const rows = hooks.map((hook) => el("li", {}, el("a", { href: "#/" + path("app", hook.appId, "webhooks", hook.id) }, name(hook.name)),
    ...(hook.why ? [" was switched off: ", name(hook.why)] : [": nothing has arrived since ", time(hook.failingSince)])));
  return el("section", { class: "card warn" }, el("h2", {}, "Webhooks that fail"), el("ul", {}, rows));
}

/** Fields that making and changing share. */
function fields(hook) {
  return [
    field("Name", { name: "name", required: true, maxlength: 50, autocomplete: "off", value: hook?.name }),
    field("Address", { name: "webhookURL", type: "url", required: true, maxlength: 255, autocomplete: "off", value: hook?.webhookURL },
      "https, or http on localhost and in private networks that the server's settings allow."),
    check("Try again for a day what fails", { name: "retryOnFailure", checked: hook ? hook.retryOnFailure : true }),
    check("Send a username and a password (basic auth)", { name: "useBasicAuth", checked: hook?.useBasicAuth }),
    field("Username", { name: "username", maxlength: 50, autocomplete: "off", value: hook?.username }),
    field("Password", { name: "password", type: "password", maxlength: 100, autocomplete: "new-password" },
      hook ? "Left empty, it stays what it is." : null),
  ];
}

function read(values) {
  const { name, webhookURL, username, password } = values;
  const body = { name, webhookURL, username, useBasicAuth: values.useBasicAuth === "on", retryOnFailure: values.retryOnFailure === "on" };
  return password ? { ...body, password } : body;
}

/** A group of boxes for each category of triggers. */
function choices(all, chosen) {
  const categories = [...new Set(all.map((trigger) => trigger.category))];
  return categories.map((category) => boxes(CATEGORIES[category] ?? category, all.filter((one) => one.category === category)
    .map((one) => check(code(one.id), { name: "trigger:" + one.id, checked: chosen.has(one.id) }, one.description))));
}

function chosen(values) {
  return Object.keys(values).filter((key) => key.startsWith("trigger:")).map((key) => key.slice("trigger:".length));
}

/** The tab of an app. */
export async function webhooks(app, base) {
  const rows = el("div");
  const fresh = el("div");
  const fill = async () => {
    const { data } = await call("GET", base + "/webhooks?perPage=1000");
    rows.replaceChildren(table("Webhooks", ["Name", "Id", "State", "Waiting", "Failed"], data.map((hook) => [
      el("a", { href: "#/" + path("app", app.id, "webhooks", hook.id) }, name(hook.name)), code(hook.id), status(hook),
      many(hook.waitingEvents), many(hook.failedEvents),
    ]), "Nobody outside is told what happens in this app. Make a webhook below."));
  };
  const [{ data: all }] = await Promise.all([call("GET", base + "/triggers"), fill()]);
  const make = form({
    kind: "wide", submit: "Create webhook",
    fields: [field("Id", { name: "id", required: true, maxlength: 50, autocomplete: "off", pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*" },
      "Letters, digits, hyphens, dots and underscores; it stays what it is."), ...fields(), ...choices(all, new Set(["message_sent"]))],
    act: async (values, node) => {
      const { data } = await call("POST", base + "/webhooks", { id: values.id, ...read(values) });
      node.reset();
      fresh.replaceChildren(once(["The secret of ", name(data.name)], SHOWN_ONCE, [["Signing secret", data.signingSecret]]));
      fresh.querySelector("h2").focus();
      const triggerIds = chosen(values);
      if (triggerIds.length) await call("POST", `${base}/${path("webhooks", data.id, "triggers")}`, { triggerIds });
      await fill();
    },
  });
  return [fresh, card("Webhooks", rows), card("New webhook", make)];
}

/** One webhook. */
export async function showWebhook(app, id) {
  const base = path("apps", app.id);
  const hookPath = base + "/" + path("webhooks", id);
  const [{ data: first }, { data: all }, { data: told }] = await Promise.all([
    call("GET", hookPath), call("GET", base + "/triggers"), call("GET", hookPath + "/triggers?perPage=1000")]);
  const about = el("section", { class: "card" });
  const outcome = el("div", { role: "status" });
  const fresh = el("div");
  const error = alert();
  const title = el("h1", { tabindex: "-1" }, name(first.name));

  const doing = (act) => async () => {
    error.textContent = "";
    try {
      await act();
    } catch (refusal) {
      error.textContent = refusal.message;
    }
  };
  const fill = (hook) => {
    title.replaceChildren(name(hook.name));
    about.replaceChildren(el("h2", { tabindex: "-1" }, "About"),
      facts([["Id", code(hook.id)], ["Address", code(plain(hook.webhookURL))], ["State", status(hook)],
        ["Why", hook.disabledBecause && name(hook.disabledBecause)],
        ["Failing since", hook.failingSince && time(hook.failingSince)],
        ["Basic auth", hook.useBasicAuth ? name(hook.username) : "no"], ["Tries again", hook.retryOnFailure ? "for a day" : "no"],
        ["Waiting events", many(hook.waitingEvents)], ["Failed events", many(hook.failedEvents)],
        ["Dropped events", number(hook.droppedEvents)], ["Made", time(hook.createdAt)], ["Changed", time(hook.updatedAt)]]),
      el("div", { class: "buttons" },
        el("button", { type: "button", click: doing(test) }, "Send a test"),
        el("button", { type: "button", click: doing(toggle) }, hook.enabled ? "Switch off" : "Switch on"),
        el("button", { type: "button", click: rotate }, "New secret…"),
        el("button", { type: "button", class: "bad", click: remove }, "Delete…")), error, outcome);
    current = hook;
  };
  let current;
  const again = async () => fill((await call("GET", hookPath)).data);
  const test = async () => {
    outcome.replaceChildren(dim("It is being sent…"));
    try {
      const { data } = await call("POST", hookPath + "/test", {});
      const what = data.success ? "The test arrived" : data.status ? "The test was refused" : "The test did not arrive";
      outcome.replaceChildren(el("p", { class: data.success ? "notice" : "error" },
        `${what}: ${[data.status && `status ${data.status}`, `${number(data.took)} ms`].filter(Boolean).join(", ")}.`),
      data.answer ? el("pre", { tabindex: "0", role: "region", "aria-label": "Answer" }, plain(data.answer)) : null);
    } catch (refusal) {
      outcome.replaceChildren();
      throw refusal;
    }
  };
  const toggle = async () => {
    await call("PUT", hookPath, { enabled: !current.enabled });
    await again();
    about.querySelector("h2").focus();
  };
  const rotate = async () => {
    let made;
    const done = await confirm({
      title: "Make a new secret?", submit: "Make a new secret",
      text: "For 24 hours what is sent is signed by both, so that the receiver can be changed meanwhile. Then the old one is over.",
      act: async () => { made = (await call("POST", hookPath + "/secret", {})).data; },
    });
    if (!done) return;
    fresh.replaceChildren(once("The new secret", SHOWN_ONCE, [["Signing secret", made.signingSecret]],
      dim("The old one signs beside it until ", time(made.oldSecretUntil), ".")));
    fresh.querySelector("h2").focus();
  };
  const remove = async () => {
    const done = await confirm({
      title: ["Delete ", name(current.name), "?"], submit: "Delete webhook",
      text: "Nothing is told there any more, and its log goes. Events that wait for it are lost.",
      act: () => call("DELETE", hookPath),
    });
    if (done) location.hash = "#/" + path("app", app.id, "webhooks");
  };
  fill(first);

  const saved = (text) => el("p", { class: "notice", role: "status" }, text);
  const change = form({
    submit: "Save", fields: fields(first),
    act: async (values, node) => {
      await call("PUT", hookPath, read(values));
      await again();
      node.elements.password.value = "";
      changed.replaceChildren(saved("It is saved."));
    },
  });
  const changed = el("div");
  let has = new Set(told.map((trigger) => trigger.id));
  const subscribed = el("div");
  const triggers = form({
    kind: "wide", submit: "Save triggers", fields: choices(all, has),
    act: async (values) => {
      const wanted = new Set(chosen(values));
      const add = [...wanted].filter((one) => !has.has(one));
      const drop = [...has].filter((one) => !wanted.has(one));
      if (add.length) await call("POST", hookPath + "/triggers", { triggerIds: add });
      if (drop.length) await call("DELETE", hookPath + "/triggers", { triggerIds: drop });
      has = wanted;
      subscribed.replaceChildren(saved(`It is told of ${number(has.size)} ${has.size === 1 ? "trigger" : "triggers"}.`));
    },
  });
  return [crumbs(["Apps", "#/"], [name(app.name), "#/" + path("app", app.id)], ["Webhooks", "#/" + path("app", app.id, "webhooks")]),
    title, fresh, about, log(hookPath, again), card("What it is told of", triggers, subscribed), card("Change", change, changed)];
}

const STATES = { delivered: "on", waiting: "", failed: "off" };

/** What became of events there. */
function log(hookPath, onChange) {
  const rows = el("div");
  const error = alert();
  const told = el("p", { class: "dim", role: "status" });
  const older = el("button", { type: "button", hidden: true, click: () => fill(next) }, "Older");
  let shown = [];
  let next;
  const filter = el("form", { class: "row", role: "search", "aria-label": "Deliveries", submit: (event) => { event.preventDefault(); fill(); }, input: () => fill() },
    choice("Show", { name: "state" }, [["", "All"], ["delivered", "Delivered"], ["waiting", "Waiting"], ["failed", "Failed"]]),
    el("button", {}, "Refresh"), told);
  const fill = async (from) => {
    error.textContent = "";
    const ask = new URLSearchParams({ limit: 25 });
    const state = new FormData(filter).get("state");
    if (state) ask.set("state", state);
    if (from) ask.set("id", from);
    try {
      const { data, meta } = await call("GET", `${hookPath}/deliveries?${ask}`);
      shown = from ? [...shown, ...data] : data;
      next = meta.next?.id;
      older.hidden = !next;
      rows.replaceChildren(table("Deliveries", ["Event", "Trigger", "State", "Tries", "Answer", ""], shown.map((one) => [
        time(one.createdAt), code(one.trigger), pill(one.state, STATES[one.state]), number(one.tries),
        one.status ? `${one.status}, ${number(one.took)} ms` : one.tries ? "none" : "",
        el("button", { type: "button", class: "small", "aria-label": `Details of ${one.eventId}`, click: () => details(one.id) }, "Details"),
      ]), state ? "Nothing is in this state." : "Nothing has been told yet."));
    } catch (refusal) {
      error.textContent = refusal.message;
    }
  };
  const details = async (id) => {
    error.textContent = "";
    try {
      const { data } = await call("GET", `${hookPath}/${path("deliveries", id)}`);
      dialogOf(["Event ", code(data.eventId)], (close, refused) => [
        facts([["Trigger", code(data.trigger)], ["State", pill(data.state, STATES[data.state])], ["Happened", time(data.createdAt)],
          ["First tried", data.firstTriedAt && time(data.firstTriedAt)], ["Tried", data.triedAt && time(data.triedAt)],
          ["Next try", data.nextTryAt && time(data.nextTryAt)], ["Tries", number(data.tries)],
          ["Status", data.status ?? (data.tries ? "no answer" : null)], ["Took", data.took != null && `${number(data.took)} ms`],
          ["Answer", data.answer && el("pre", { tabindex: "0", role: "region", "aria-label": "Answer" }, plain(data.answer))]]),
        el("h3", {}, "Body"), el("pre", { tabindex: "0", role: "region", "aria-label": "Body" }, plain(JSON.stringify(data.body, null, 2))),
        el("button", {
          type: "button", class: "main",
          click: async () => {
            try {
              await call("POST", `${hookPath}/${path("deliveries", id)}/replay`, {});
              close();
              told.textContent = "It is sent once more.";
              await Promise.all([fill(), onChange()]);
            } catch (refusal) {
              refused(refusal.message);
            }
          },
        }, "Send again"),
      ]);
    } catch (refusal) {
      error.textContent = refusal.message;
    }
  };
  /** A call does as much as one may; the rest is asked for again. */
  const replay = async (which) => {
    let sent = 0;
    let after;
    do {
      const { data } = await call("POST", hookPath + "/replay", after ? { ...which, after } : which);
      sent += data.replayed;
      after = data.after;
      told.textContent = `${number(sent)} are sent once more.`;
    } while (after);
    await Promise.all([fill(), onChange()]);
  };
  const all = el("button", {
    type: "button",
    click: async () => {
      error.textContent = "";
      try {
        await replay({ state: "failed" });
      } catch (refusal) {
        error.textContent = refusal.message;
      }
    },
  }, "Send all failed again");
  const seconds = (text) => Math.floor(new Date(text).getTime() / 1000);
  const range = form({
    kind: "row", submit: "Send again",
    fields: [field("From", { name: "from", type: "datetime-local", required: true, step: 1 }), field("To", { name: "to", type: "datetime-local", required: true, step: 1 })],
    act: ({ from, to }) => replay({ from: seconds(from), to: seconds(to) }),
  });
  fill();
  return card("Deliveries", filter, rows, error, el("div", { class: "buttons" }, older, all), el("h3", {}, "Send the events of a time again"), range);
}
