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

/** The name of the object a schema stands for, if it has one of its own. */
function nameOf(schema) {
  const choices = schema?.oneOf?.filter((one) => one.type !== "null");
  const reference = choices?.length === 1 ? choices[0].$ref : schema?.$ref;
  return reference && fieldsOf({ $ref: reference }).length ? reference.split("/").pop() : undefined;
}

/** What a schema is, in pieces: words, and names of objects as `{ name }`. */
function pieces(schema) {
  const name = nameOf(schema);
  if (name) return [{ name }];
  const it = resolve(schema);
  if (it.enum) return [it.enum.length > 12 ? "text" : it.enum.join(" | ")];
  const among = (it.oneOf ?? it.anyOf ?? []).filter((one) => one.type !== "null");
  if (among.length) return among.flatMap((one, at) => [...(at ? [" | "] : []), ...pieces(one)]);
  const base = it.allOf?.map(nameOf).find(Boolean);
  if (base) return [{ name: base }, " and more"];
  const kinds = [it.type ?? (it.properties || it.allOf ? "object" : "any")].flat().filter((kind) => kind !== "null");
  const words = { string: "text", integer: "whole number", number: "number", boolean: "true | false", object: "object" };
  return kinds.flatMap((kind, at) => {
    const values = it.additionalProperties;
    const piece = kind === "array" ? (it.items ? ["list of ", ...pieces(it.items)] : ["list"])
      : kind === "object" && typeof values === "object" ? ["map of ", ...pieces(values)] : [words[kind] ?? kind];
    return [...(at ? [" | "] : []), ...piece];
  });
}

/** A few words for a schema: `list of text`; objects by name lead to what is said of them. */
function kindOf(schema) {
  return el("span", {}, ...pieces(schema).map((piece) => (piece.name ? el("a", { href: `#${objectId(piece.name)}` }, piece.name) : piece)));
}

const objectId = (name) => `object-${name}`;

/** The fields of an object schema, those of its parts together: [name, schema, required]. */
function fieldsOf(schema) {
  const it = resolve(schema);
  const parts = (it.allOf ?? []).flatMap(fieldsOf);
  const own = Object.entries(it.properties ?? {}).map(([name, field]) => [name, field, it.required?.includes(name) ?? false]);
  const seen = new Set();
  return [...parts, ...own].filter(([name]) => !seen.has(name) && seen.add(name));
}

/** What else holds fields inside a field, and how it is written: an object, the items of a list, the values of a map. */
function innerOf(schema, mark = "") {
  const it = resolve(schema);
  if (it.items) return innerOf(it.items, `${mark}[]`);
  if (it.additionalProperties && typeof it.additionalProperties === "object") return innerOf(it.additionalProperties, `${mark}.*`);
  return [it, mark];
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

/** A row for each field, and below it those inside, down to `deepest`. */
function schemaRows(schema, deepest, prefix = "", depth = 0) {
  return fieldsOf(schema).flatMap(([name, field, required]) => {
    const meaning = [required && "required", field.description ?? resolve(field).description].filter(Boolean).join(". ");
    const [inner, mark] = innerOf(field);
    return [{ texts: [prefix + name, kindOf(field), meaning], nested: depth > 0 },
      ...(depth < deepest ? schemaRows(inner, deepest, `${prefix}${name}${mark}.`, depth + 1) : [])];
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
    table("Body", ["Field", "Type", "Meaning"], schemaRows(schema, 2))];
}

/** Always: it is part of every success. */
function replyTable(caption, schema) {
  const rows = schemaRows(schema, 1);
  for (const row of rows) row.texts[2] = row.texts[2].replace(/^required/, "always");
  return rows.length ? table(caption, ["Field", "Type", "Meaning"], rows) : el("p", {}, kindOf(schema));
}

function repliesOf(operation) {
  const { 200: success, default: refusal } = operation.responses;
  const schema = success?.content?.["application/json"]?.schema ?? {};
  const answers = (schema.anyOf ?? [schema]).flatMap((answer, at) => [
    at ? el("p", { className: "dim" }, "Or, depending on what was asked:") : null, replyTable("Reply", answer)]);
  const refused = refusal?.content?.["application/json"]?.schema;
  return [el("h3", {}, "Reply, status 200"), ...answers,
    refused ? el("p", { className: "dim" }, "Refused with another status: ", kindOf(refused)) : null];
}

/** One object that replies hold; what is inside is made when it is opened. */
function objectOf(name, schema) {
  const details = el("details", { id: objectId(name), className: "object" }, el("summary", {}, el("code", {}, name)));
  details.dataset.text = `object ${name}`.toLowerCase();
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    const text = schema.description;
    details.append(el("div", { className: "inside" }, ...[text ? el("p", { className: "dim" }, text) : null, replyTable(name, schema)].filter(Boolean)));
  });
  return details;
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
      ...bodyOf(operation).filter(Boolean), ...repliesOf(operation).filter(Boolean), el("p", {}, button)));
  });
  return details;
}

const idOf = (method, path) => `${method}${path.replace(/[^A-Za-z0-9_]+/g, "-")}`;

/** Puts an operation into the form; the credentials stay. */
function fill(method, path, operation) {
  const form = $("try");
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  form.elements.method.value = method.toUpperCase();
  form.elements.path.value = "/v3" + path;
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
    const reply = await fetch(".." + path.value + (query.value ? `?${query.value.replace(/^\?/, "")}` : ""), options);
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
      shown += details.hidden || details.className === "object" ? 0 : 1;
    }
    section.hidden = here === 0;
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
  const objects = Object.keys(description.components.schemas).filter((name) => nameOf({ $ref: `#/components/schemas/${name}` }));
  $("nouns").append(el("a", { href: "#objects" }, "objects", el("span", { className: "dim" }, ` ${objects.length}`)));
  $("list").append(el("section", { id: "objects", className: "card", "aria-label": "Objects", tabIndex: -1 }, el("h2", {}, "Objects"),
    ...objects.sort().map((name) => objectOf(name, description.components.schemas[name]))));
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
  const reply = await fetch("../openapi.json");
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  description = await reply.json();
  render();
} catch (error) {
  $("state").textContent = `The description of the API could not be read: ${error.message}`;
}
