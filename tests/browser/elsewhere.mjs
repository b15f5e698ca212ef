// A page of another site, which even knows the secret of an admin's session: whatever it tries, it changes and reads nothing.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { run } from "./house.mjs";

run("elsewhere", async (house) => {
  const { base, browser, rest } = house;
  const secret = await house.page.evaluate(() => sessionStorage.getItem("hobnob-admin"));
  const ask = async (path) => (await (await fetch(`${base}/admin/api/${path}`, { headers: { "X-Hobnob-Admin": secret } })).json()).data;
  await rest("POST", "/users", { uid: "ann", name: "Ann" });
  const state = async () => JSON.stringify([await ask("admins"), (await ask("overview")).apps, await ask("management-keys"), await ask("backups"), await ask("audit"), await ask(`apps/${house.app}/limits`), await rest("GET", "/users")]);
  const before = await state();

  const site = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>Elsewhere</title>"));
  house.closing.push(() => site.close());
  await new Promise((listens) => site.listen(0, "127.0.0.1", listens));
  const other = await browser.newPage();
  // Another port is another origin; another name of this machine is another site as well.
  for (const host of ["127.0.0.1", "localhost"]) {
    await other.goto(`http://${host}:${site.address().port}/`);
    const told = await other.evaluate(async ({ base, app, secret }) => {
      const told = {};
      const attempt = async (what, path, options) => {
        try {
          const response = await fetch(base + path, options);
          told[what] = response.type === "opaque" ? "opaque" : `${response.status} ${await response.text()}`;
        } catch {
          told[what] = "refused";
        }
      };
      const headers = { "X-Hobnob-Admin": secret };
      const body = JSON.stringify({ name: "Evil", role: "owner", limits: { text: 1 } });
      for (const [what, method, path] of [["make an app", "POST", "/admin/api/apps"], ["let somebody in", "POST", "/admin/api/admins"], ["make a key", "POST", "/admin/api/management-keys"],
        ["make a backup", "POST", "/admin/api/backups"], ["set limits", "PUT", `/admin/api/apps/${app}/limits`], ["end an app", "DELETE", `/admin/api/apps/${app}`]]) {
        await attempt(what, path, { method, headers, body });
        await attempt(`${what}, silently`, path, { method: method === "POST" ? method : "POST", mode: "no-cors", body });
        await attempt(`${what}, with all there is`, path, { method, headers, body, credentials: "include" });
      }
      await attempt("read the admins", "/admin/api/admins", { headers });
      await attempt("read the users", "/v3/users", { headers: { ...headers, appId: app } });
      await attempt("make a user", "/v3/users", { method: "POST", headers: { ...headers, appId: app, "Content-Type": "application/json" }, body: JSON.stringify({ uid: "evil", name: "Evil" }) });
      // Forms need no leave to be sent.
      for (const path of ["/admin/api/apps", "/admin/api/backups", `/admin/api/apps/${app}/keys`]) {
        const frame = Object.assign(document.createElement("iframe"), { name: `to-${path}` });
        const form = Object.assign(document.createElement("form"), { method: "POST", action: base + path, target: frame.name, enctype: "text/plain" });
        form.append(Object.assign(document.createElement("input"), { name: '{"name":"Evil","scope":"fullAccess","x":"', value: '"}' }));
        document.body.append(frame, form);
        await new Promise((done) => {
          frame.onload = done;
          form.submit();
        });
      }
      // The page itself stands in no frame: nobody is led to press its buttons.
      const frame = Object.assign(document.createElement("iframe"), { src: `${base}/admin/` });
      await new Promise((done) => {
        frame.onload = done;
        document.body.append(frame);
      });
      try {
        told.frame = frame.contentDocument ? "seen" : "shut";
      } catch {
        told.frame = "shut";
      }
      return told;
    }, { base, app: house.app, secret });
    for (const [what, answer] of Object.entries(told)) {
      assert.ok(answer === "refused" || answer === "opaque" || answer === "shut" || /^(401|403) /.test(answer), `${host}: ${what}: ${answer}`);
    }
    const framed = other.frames().find((frame) => frame.url().endsWith("/admin/") && frame !== other.mainFrame());
    assert.equal(framed ? await framed.locator("main").count() : 0, 0, "the admin page is shown in a frame");
    assert.equal(await state(), before, `${host}: something was changed`);
  }
  await other.close();

  // The session is in this tab: another tab of the same site begins at the door.
  const tab = await browser.newPage();
  await tab.goto(`${base}/admin/`);
  await tab.getByRole("button", { name: "Log in" }).waitFor();
  assert.equal((await browser.cookies()).length, 0, "nothing that a browser sends by itself");
  await tab.close();
});
