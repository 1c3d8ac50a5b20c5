// The console: which instances there are, and what can be done with them.
import { Card } from "/console/card.js";

const POLL = 2000; // milliseconds between two looks at the list
const $ = (id) => document.getElementById(id);

// The key comes with the address (#key=...) or is typed. It leaves the address
// at once, so that it is in no history and no screenshot.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.get("key")) {
  sessionStorage.setItem("key", fragment.get("key"));
  history.replaceState(null, "", location.pathname);
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// request asks the API and gives back the Response, or throws what it says.
async function request(method, path, body) {
  const headers = { apikey: sessionStorage.getItem("key") ?? "" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.ok) return response;
  let message = `${response.status} ${response.statusText}`;
  try {
    const said = (await response.json()).response?.message;
    message = Array.isArray(said) ? said.flat().map((m) => (typeof m === "string" ? m : JSON.stringify(m))).join(" ") : said ?? message;
  } catch { /* no JSON: the status says it */ }
  throw new Refused(response.status, message);
}

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}

// simulator tells whether the server plays WhatsApp itself.
let simulated = false;
async function lookForSimulator() {
  try {
    simulated = (await fetch("/simulator")).ok;
  } catch { simulated = false; }
}

const cards = new Map();
const context = { request, say, showArchive, refresh, simulated: () => simulated };

function show(rows) {
  const present = new Set(rows.map((row) => row.id));
  for (const [id, card] of cards) {
    if (present.has(id)) continue;
    card.remove();
    cards.delete(id);
  }
  for (const row of rows) {
    let card = cards.get(row.id);
    if (!card) {
      card = new Card(context, row);
      cards.set(row.id, card);
      $("instances").append(card.element);
    }
    card.update(row);
  }
  $("empty").hidden = rows.length > 0;
  const open = rows.filter((row) => row.connectionStatus === "open").length;
  $("summary").textContent = `${rows.length} ${rows.length === 1 ? "instance" : "instances"}, ${open} open`;
}

let timer, looking;
async function refresh() {
  clearTimeout(timer);
  if (!sessionStorage.getItem("key")) return;
  if (!looking) looking = look().finally(() => { looking = undefined; });
  await looking;
}

async function look() {
  try {
    show(await (await request("GET", "/instance/fetchInstances")).json());
  } catch (error) {
    if (error.status === 401) {
      forget("This key opens nothing.");
      return;
    }
    $("summary").textContent = "The server does not answer.";
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, document.hidden ? 5 * POLL : POLL);
}

function forget(text = "") {
  clearTimeout(timer);
  sessionStorage.removeItem("key");
  cards.forEach((card) => card.remove());
  cards.clear();
  $("summary").textContent = text;
  enter();
}

function enter() {
  const known = Boolean(sessionStorage.getItem("key"));
  $("login").hidden = known;
  $("work").hidden = !known;
  $("forget").hidden = !known;
  if (known) refresh();
  else $("key").focus();
}

// showArchive links the transcript of a deleted instance, and waits for it
// while it is being written.
async function showArchive(name, archive) {
  const line = document.createElement("li");
  $("archives").append(line);
  for (let tries = 0; ; tries++) {
    const link = document.createElement("a");
    link.href = archive.signedURL;
    link.textContent = "download";
    const until = new Date(archive.expiresAt).toLocaleString();
    if (archive.state === "done") {
      line.replaceChildren(`Transcript of ${name}: ${archive.messages} messages, ${archive.bytes} bytes, `, link, ` until ${until}`);
      return;
    }
    line.replaceChildren(`Transcript of ${name} is being written …`);
    if (tries > 150) {
      line.replaceChildren(`Transcript of ${name} is not ready yet: `, link, ` later, until ${until}`);
      return;
    }
    await new Promise((resolve) => { setTimeout(resolve, POLL); });
    try {
      archive = (await (await request("GET", `/instance/archive/${encodeURIComponent(archive.instanceId)}`)).json()).archive;
    } catch { /* the next look may tell */ }
  }
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", $("key").value);
  $("key").value = "";
  enter();
});
$("forget").addEventListener("click", () => forget());
$("create").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("create").querySelector("button");
  const name = $("name").value.trim();
  const body = { instanceName: name, integration: "WHATSAPP-BAILEYS" };
  const number = $("number").value.replace(/\D/g, "");
  if (number) body.number = number;
  button.disabled = true;
  try {
    await request("POST", "/instance/create", body);
    $("create").reset();
    say(`Created ${name}.`);
    await refresh();
    await request("GET", `/instance/connect/${encodeURIComponent(name)}`);
  } catch (error) {
    say(error.message, true);
  }
  button.disabled = false;
  refresh();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setInterval(() => cards.forEach((card) => card.tick()), 500);

await lookForSimulator();
enter();
