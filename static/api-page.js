// The API page: renders /openapi.json of this very server and makes single requests to it. Everything shown is set as
// text; nothing is loaded from elsewhere and nothing is kept: credentials live in the form alone.

/** An element with properties and children; text stays text. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const $ = (id) => document.getElementById(id);
const METHODS = ["get", "post", "put", "patch", "delete"];
let description;

/** The schema a reference stands for; what may also be null is shown without saying so. */
function resolve(schema) {
  if (schema?.$ref) return resolve(schema.$ref.split("/").slice(1).reduce((at, key) => at?.[key], description));
  const choice = schema?.oneOf?.filter((one) => one.type !== "null");
  if (choice?.length === 1) return resolve(choice[0]);
  return schema ?? {};
}

/** A few words for a schema: `list of text`. */
function kindOf(schema) {
  const it = resolve(schema);
  if (it.enum) return it.enum.join(" | ");
  const kinds = [it.type ?? (it.properties || it.allOf ? "object" : "any")].flat().filter((kind) => kind !== "null");
  const words = { string: "text", integer: "whole number", number: "number", boolean: "true | false", object: "object" };
  return kinds.map((kind) => (kind === "array" ? (it.items ? `list of ${kindOf(it.items)}` : "list") : words[kind] ?? kind)).join(" | ");
}

/** The fields of an object schema, those of its parts together: [name, schema, required]. */
function fieldsOf(schema) {
  const it = resolve(schema);
  const parts = (it.allOf ?? []).flatMap(fieldsOf);
  const own = Object.entries(it.properties ?? {}).map(([name, field]) => [name, field, it.required?.includes(name) ?? false]);
  const seen = new Set();
  return [...parts, ...own].filter(([name]) => !seen.has(name) && seen.add(name));
}

/** What else holds fields inside a field: an object, the items of a list, the values of a map. */
function innerOf(schema) {
  const it = resolve(schema);
  if (it.items) return innerOf(it.items);
  if (it.additionalProperties && typeof it.additionalProperties === "object") return it.additionalProperties;
  return it;
}

/** A table of texts; a column without any is left out. */
function table(caption, columns, lines) {
  const kept = columns.map((_, at) => at).filter((at) => at === 0 || lines.some((line) => line.texts[at]));
  const heads = kept.map((at) => columns[at]);
  const rows = lines.map(({ texts, nested }) => el("tr", { className: nested ? "nested" : "" },
    ...kept.map((at) => el("td", { "data-head": columns[at] }, texts[at]))));
  return el("table", {},
    el("caption", { className: "unseen" }, caption),
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, ...rows));
}

function schemaRows(schema, prefix, depth) {
  return fieldsOf(schema).flatMap(([name, field, required]) => {
    const meaning = [required && "required", field.description ?? resolve(field).description].filter(Boolean).join(". ");
    return [{ texts: [prefix + name, kindOf(field), meaning], nested: depth > 0 }, ...(depth < 2 ? schemaRows(innerOf(field), `${prefix}${name}.`, depth + 1) : [])];
  });
}

/** A value to begin with. */
function sample(schema, depth = 0) {
  const it = resolve(schema);
  if (it.enum) return it.enum[0];
  const kind = [it.type].flat()[0];
  if (kind === "array") return [];
  if (kind === "integer" || kind === "number") return 0;
  if (kind === "boolean") return false;
  const fields = fieldsOf(it);
  if (kind === "object" || fields.length) {
    return depth > 1 ? {} : Object.fromEntries(fields.map(([name, field]) => [name, sample(field, depth + 1)]));
  }
  return "";
}

function securityOf(operation) {
  const ways = (operation.security ?? []).map((way) => Object.keys(way).map((name) => {
    const scheme = description.components.securitySchemes[name];
    return scheme?.name ?? name;
  }).join(" + "));
  return ways.length ? ways.join(", or ") : "none";
}

function parametersOf(operation) {
  const rows = operation.parameters.map((it) => (
    { texts: [it.name, it.in, kindOf(it.schema), [it.required && "required", it.description].filter(Boolean).join(". ")] }));
  return rows.length ? [el("h3", {}, "Parameters"), table("Parameters", ["Name", "In", "Type", "Meaning"], rows)] : [];
}

function bodyOf(operation) {
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  if (!schema) return [];
  const text = resolve(schema).description ?? "";
  return [el("h3", {}, "Body"), text ? el("p", { className: "dim" }, text) : null,
    table("Body", ["Field", "Type", "Meaning"], schemaRows(schema, "", 0))];
}

function repliesOf(operation) {
  const rows = Object.entries(operation.responses).map(([status, reply]) => {
    const schema = reply.content?.["application/json"]?.schema;
    const fields = fieldsOf(schema).map(([name, field]) => {
      const inner = fieldsOf(field).map(([name]) => name).join(", ");
      return `${name}: ${inner ? `{${inner}}` : kindOf(field)}`;
    });
    return { texts: [status, reply.description ?? "", `{${fields.join(", ")}}`] };
  });
  return [el("h3", {}, "Replies"), table("Replies", ["Status", "Means", "Body"], rows)];
}

/** One operation; what is inside is made when it is opened. */
function operationOf(method, path, operation) {
  const summary = el("summary", {}, el("code", { className: "method" }, method.toUpperCase()), el("code", {}, path),
    el("span", { className: "name" }, operation.operationId));
  const details = el("details", { id: idOf(method, path) }, summary);
  details.dataset.text = `${method} ${path} ${operation.operationId}`.toLowerCase();
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    const button = el("button", { type: "button" }, "Try it");
    button.addEventListener("click", () => fill(method, path, operation));
    details.append(el("div", { className: "inside" }, el("h3", {}, "For"), el("p", {}, operation.summary ?? ""),
      el("p", { className: "dim" }, `Headers: ${securityOf(operation)}`), ...parametersOf(operation),
      ...bodyOf(operation).filter(Boolean), ...repliesOf(operation), el("p", {}, button)));
  });
  return details;
}

const idOf = (method, path) => `${method}${path.replace(/[^A-Za-z0-9_]+/g, "-")}`;

/** Puts an operation into the form; the credentials stay. */
function fill(method, path, operation) {
  const form = $("try");
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  form.elements.method.value = method.toUpperCase();
  form.elements.path.value = (description.servers?.[0]?.url ?? "") + path;
  form.elements.query.value = "";
  const queries = operation.parameters.filter((it) => it.in === "query").map((it) => `${it.name}=`);
  form.elements.query.placeholder = queries.slice(0, 4).join("&");
  form.elements.body.value = schema && method !== "get" ? JSON.stringify(sample(schema), null, 2) : "";
  $("trouble").textContent = "";
  form.scrollIntoView({ block: "nearest" });
  const input = form.elements.path;
  input.focus();
  const [from, to] = [input.value.indexOf("{"), input.value.indexOf("}")];
  if (from >= 0) input.setSelectionRange(from, to + 1);
}

/** Makes the request of the form and shows what comes back. */
async function send(event) {
  event.preventDefault();
  const { method, path, query, body } = event.target.elements;
  const headers = { Accept: "application/json" };
  for (const name of ["apikey", "appId", "onBehalfOf", "authToken", "key", "secret"]) {
    const value = event.target.elements[name].value.trim();
    if (value) headers[name] = value;
  }
  const trouble = $("trouble");
  trouble.textContent = "";
  const hole = path.value.match(/\{[^}]*\}/)?.[0];
  if (hole) {
    trouble.textContent = `Put a value in the place of ${hole}.`;
    path.focus();
    return path.setSelectionRange(path.value.indexOf(hole), path.value.indexOf(hole) + hole.length);
  }
  if (!/^\/(?!\/)/.test(path.value)) {
    trouble.textContent = "The path begins with one slash: requests go to this server only.";
    return path.focus();
  }
  const options = { method: method.value, headers };
  if (method.value !== "GET" && body.value.trim()) {
    headers["Content-Type"] = "application/json";
    options.body = body.value;
  }
  const began = performance.now();
  try {
    const reply = await fetch(path.value + (query.value ? `?${query.value.replace(/^\?/, "")}` : ""), options);
    const text = await reply.text();
    const left = reply.headers.get("X-Rate-Limit-Remaining");
    const notes = [`${Math.round(performance.now() - began)} ms`, left && `${left} requests left`].filter(Boolean).join(", ");
    show(reply.ok, `${reply.status}: ${notes}`, pretty(text));
  } catch (error) {
    show(false, "No answer", String(error));
  }
}

function show(good, status, text) {
  $("answer").hidden = false;
  $("answer-status").textContent = status;
  $("answer-status").className = good ? "" : "bad";
  $("answer-body").textContent = text;
  $("answer").scrollIntoView({ block: "nearest" });
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Shows what fits only; a noun with nothing left goes, too. */
function filter() {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll("#list section")) {
    let here = 0;
    for (const details of section.querySelectorAll("details")) {
      details.hidden = !words.every((word) => details.dataset.text.includes(word));
      here += details.hidden ? 0 : 1;
    }
    section.hidden = here === 0;
    shown += here;
  }
  $("state").textContent = words.length ? `${shown} ${shown === 1 ? "operation fits" : "operations fit"}.` : "";
}

function render() {
  const nouns = new Map();
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const noun = item[method].tags?.[0] ?? "other";
      nouns.set(noun, [...(nouns.get(noun) ?? []), [method, path, item[method]]]);
    }
  }
  const sorted = [...nouns].sort(([one], [other]) => one.localeCompare(other));
  for (const [noun, operations] of sorted) {
    $("nouns").append(el("a", { href: `#noun-${noun}` }, noun, el("span", { className: "dim" }, ` ${operations.length}`)));
    $("list").append(el("section", { id: `noun-${noun}`, className: "card", "aria-label": noun, tabIndex: -1 }, el("h2", {}, noun),
      ...operations.map((operation) => operationOf(...operation))));
  }
  $("state").textContent = "";
  $("title").textContent = `${description.info.title} API ${description.info.version}`;
  arrive();
}

/** Opens what the address names. */
function arrive() {
  const wanted = location.hash && $(decodeURIComponent(location.hash.slice(1)));
  if (!wanted) return;
  if (wanted.hidden) {
    $("find").value = "";
    filter();
  }
  if (wanted.tagName === "DETAILS") wanted.open = true;
  wanted.scrollIntoView();
}

$("try").addEventListener("submit", send);
$("find").addEventListener("input", filter);
window.addEventListener("hashchange", arrive);
try {
  const reply = await fetch("/openapi.json");
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  description = await reply.json();
  render();
} catch (error) {
  $("state").textContent = `The description of the API could not be read: ${error.message}`;
}
