"use strict";
// Shows the transcript's file a page at a time. Chats stand in it one behind the
// other, so a page is found by counting lines; nothing but the page is kept.
(() => {
  if (!window.DecompressionStream) return;
  const at = (id) => document.getElementById(id);
  const pageSize = 200;
  let file, chats = [], start = 0, turn = 0;
  at("reader").hidden = false;

  // lines hands every line to take until that returns false.
  async function lines(take) {
    const stream = file.stream().pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream());
    const reader = stream.getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      for (const line of parts) if (take(line) === false) { reader.cancel(); return; }
    }
  }

  const chatOf = (line) => JSON.parse(line).chat;

  async function open() {
    const found = new Map();
    let n = 0;
    at("progress").textContent = "reading…";
    try {
      await lines((line) => {
        const chat = chatOf(line);
        if (!found.has(chat)) found.set(chat, { chat, first: n, count: 0 });
        found.get(chat).count++;
        n++;
      });
    } catch (e) {
      at("progress").textContent = "This file cannot be read: " + e.message;
      return;
    }
    chats = [...found.values()];
    at("progress").textContent = n + " lines in " + chats.length + " chats";
    at("chat").replaceChildren(...chats.map((c, i) => new Option(c.chat + " (" + c.count + ")", i)));
    at("choice").hidden = !chats.length;
    pick();
  }

  function pick() {
    const c = chats[at("chat").value];
    start = c ? Math.max(0, Math.floor((c.count - 1) / pageSize) * pageSize) : 0;
    show();
  }

  async function show() {
    const c = chats[at("chat").value], mine = ++turn, found = [];
    if (!c) return;
    const from = c.first + start, to = Math.min(from + pageSize, c.first + c.count);
    let n = 0;
    await lines((line) => {
      if (n >= from) found.push(JSON.parse(line));
      return ++n < to && mine === turn;
    });
    if (mine !== turn) return;
    at("where").textContent = (start + 1) + " – " + (start + found.length) + " of " + c.count;
    at("back").disabled = start === 0;
    at("next").disabled = start + pageSize >= c.count;
    at("out").replaceChildren(...found.map(row));
  }

  function row(e) {
    const m = e.body, box = document.createElement("div");
    const say = (name, text) => {
      const part = document.createElement("div");
      part.className = name;
      part.textContent = text;
      box.append(part);
    };
    box.className = m.fromMe && e.kind !== "status" ? "line own" : "line";
    if (e.kind === "status") {
      say("note", e.at + " · " + m.status + " · " + m.ids.join(", "));
      return box;
    }
    say("at", e.at + " · " + (m.pushName || m.sender.pn || m.sender.lid || ""));
    const emoji = m.target && m.target.emoji;
    if (m.text || emoji) say("text", m.text || emoji);
    const note = [e.kind === "message" ? (m.kind === "conversation" ? "" : m.kind) : e.kind + " of " + m.target.id];
    if (m.media) note.push(m.media.fileName, m.media.mimetype, m.media.blob);
    note.push(e.status);
    say("note", note.filter(Boolean).join(" · "));
    return box;
  }

  at("file").onchange = () => { file = at("file").files[0]; if (file) open(); };
  at("chat").onchange = pick;
  at("back").onclick = () => { start = Math.max(0, start - pageSize); show(); };
  at("next").onclick = () => { start += pageSize; show(); };
})();
