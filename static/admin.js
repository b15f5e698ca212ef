// The admin page: which address shows what. Addresses: #/ , #/account , #/app/ID[/keys|users[/UID]|groups[/GUID]|webhooks[/ID]], and
// the one-time #setup=SECRET.

import { session, call } from "./api.js";
import { showAccount, showLogin, showSetup } from "./door.js";
import { showApps } from "./apps.js";
import { showApp } from "./app.js";
import { crumbs, el } from "./ui.js";

const main = document.getElementById("main");
const nav = document.getElementById("nav");
let turn = 0;

/** Shows the page of the address. */
async function route({ notice } = {}) {
  const mine = (turn += 1);
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  const hash = location.hash.slice(1);
  const setup = new URLSearchParams(hash).get("setup");
  nav.hidden = setup != null || !session.get();
  let page;
  try {
    if (setup != null) page = showSetup(setup, enter);
    else if (!session.get()) page = showLogin(notice, enter);
    else page = await inside(hash.split("?")[0].split("/").slice(1).map(decode));
  } catch (refusal) {
    page = [crumbs(["Apps", "#/"]), el("h1", {}, "This did not work"), el("p", { class: "error", role: "alert" }, refusal.message)];
  }
  // Somebody went elsewhere meanwhile.
  if (mine !== turn) return;
  main.replaceChildren(...page.flat());
  const title = main.querySelector("h1");
  document.title = title ? `${title.textContent} · Hobnob` : "Hobnob";
  // Readers of the screen hear where they are; a form's first field is where one wants to be.
  (main.querySelector("[autofocus]") ?? title ?? main).focus();
}

async function inside([first, ...rest]) {
  if (!first) return showApps();
  if (first === "account") return showAccount();
  if (first === "app" && rest[0]) return showApp(...rest);
  return [el("h1", { tabindex: "-1" }, "There is nothing here"), el("p", {}, el("a", { href: "#/" }, "All apps"))];
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function enter(secret) {
  session.keep(secret);
  // The link is used: neither it nor its page should come back with the back button.
  if (location.hash.includes("setup=")) history.replaceState(null, "", "#/");
  route();
}

session.onOver = () => route({ notice: "Your session is over. Please log in again." });

document.getElementById("logout").addEventListener("click", async () => {
  try {
    await call("POST", "logout");
  } catch {
    // The tab forgets the session either way.
  }
  session.drop();
  history.replaceState(null, "", "#/");
  route({ notice: "You have logged out." });
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

addEventListener("hashchange", () => route());
route();
