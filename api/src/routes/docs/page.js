// Shows /openapi.json, and sends what is typed into its forms to this service alone.
"use strict";

const METHODS = ["get", "patch"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function parameters(operation) {
  const list = operation.parameters || [];
  if (!list.length) return [];
  const rows = list.map((parameter) => element("tr", {},
    element("td", {}, element("code", {}, parameter.name), parameter.required ? "" : " (optional)"),
    element("td", {}, parameter.in),
    element("td", {}, parameter.description || "")));
  return [element("h4", {}, "Parameters"), element("table", {}, ...rows)];
}

function responses(operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const content = Object.entries(response.content || {})[0];
    const headers = Object.keys(response.headers || {});
    const cell = element("td", {}, response.description || "");
    if (headers.length) cell.append(element("div", { class: "quiet" }, "Headers: " + headers.join(", ")));
    if (content && content[1].example !== undefined) {
      const shown = element("details", {}, element("summary", { class: "quiet" }, "example"));
      shown.append(element("pre", {}, pretty(content[1].example)));
      cell.append(shown);
    }
    return element("tr", {}, element("td", {}, element("code", {}, status)), cell);
  });
  return [element("h4", {}, "Answers"), element("table", {}, ...rows)];
}

function field(name, value = "") {
  const input = element("input", { name, autocomplete: "off", spellcheck: "false" });
  input.value = value;
  return { label: element("label", {}, name, input), input };
}

async function send(method, path, operation, inputs, body) {
  const headers = {};
  const token = document.getElementById("token").value.trim();
  if (token && operation.security) headers.Authorization = "Bearer " + token;
  for (const parameter of operation.parameters || []) {
    const value = inputs[parameter.name].value;
    if (parameter.in === "path") path = path.replace("{" + parameter.name + "}", encodeURIComponent(value));
    else if (value) headers[parameter.name] = value;
  }
  const options = { method: method.toUpperCase(), headers };
  if (body) { options.body = body; headers["Content-Type"] = "application/json"; }
  const answer = await fetch(path, options);
  const lines = [answer.status + " " + answer.statusText];
  answer.headers.forEach((value, name) => lines.push(name + ": " + value));
  const text = await answer.text();
  let shown = text;
  try { shown = pretty(JSON.parse(text)); } catch { /* not JSON: shown as it is */ }
  return lines.join("\n") + "\n\n" + shown;
}

function form(method, path, operation) {
  const inputs = {};
  const made = element("form", {}, element("h4", {}, "Try it"));
  for (const parameter of operation.parameters || []) {
    const { label, input } = field(parameter.name, parameter.in === "path" ? parameter.example || "" : "");
    inputs[parameter.name] = input;
    made.append(label);
  }
  let body = null;
  if (operation.requestBody) {
    body = element("textarea", { rows: "3", spellcheck: "false" });
    made.append(element("label", {}, "body", body));
  }
  const output = element("pre", { hidden: "" });
  made.append(element("button", {}, "Send"), output);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.hidden = false;
    output.textContent = "…";
    try {
      output.textContent = await send(method, path, operation, inputs, body && body.value);
    } catch (error) {
      output.textContent = String(error);
    }
  });
  return made;
}

function shown(method, path, operation) {
  const summary = element("summary", {},
    element("span", { class: "method " + method }, method.toUpperCase()), element("code", {}, path),
    element("div", { class: "quiet" }, operation.summary || ""));
  const whole = element("details", { class: "operation" }, summary);
  if (operation.description) whole.append(element("p", {}, operation.description));
  const scopes = (operation.security || []).flatMap((need) => Object.values(need).flat());
  if (scopes.length) whole.append(element("p", {}, "Scope: ", element("code", {}, scopes.join(" "))));
  whole.append(...parameters(operation), ...responses(operation), form(method, path, operation));
  return whole;
}

async function show() {
  const text = await (await fetch("/openapi.json")).json();
  document.getElementById("title").textContent = text.info.title + " " + text.info.version;
  document.getElementById("about").textContent = text.info.description;
  const main = document.getElementById("operations");
  for (const tag of text.tags) {
    main.append(element("h2", {}, tag.name), element("p", { class: "quiet" }, tag.description || ""));
    for (const [path, item] of Object.entries(text.paths)) {
      for (const method of METHODS) {
        const operation = item[method];
        if (operation && operation.tags.includes(tag.name)) main.append(shown(method, path, operation));
      }
    }
  }
}

show();
