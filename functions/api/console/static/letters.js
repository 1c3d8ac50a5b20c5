// What the webhooks of one instance were told, are still to be told, and could
// not be told.
import { make } from "/console/make.js";

const states = [["dead", "Dead letters"], ["waiting", "Waiting"], ["delivered", "Delivered"]];
const when = (text) => (text ? new Date(text).toLocaleString() : "");

export class Letters {
  constructor(context, name) {
    this.context = context;
    this.name = name;
    this.path = encodeURIComponent(name);
    this.state = "dead";
    this.tabs = states.map(([state, text]) => {
      const tab = make("button", { type: "button", textContent: text });
      tab.dataset.state = state;
      tab.addEventListener("click", () => this.choose(state));
      return tab;
    });
    this.all = make("button", { type: "button", textContent: "Replay all", className: "replay-all", title: "Dead letters are told again, and what waits is tried now" });
    this.all.addEventListener("click", () => this.replay(this.all, { all: true }));
    this.rows = make("tbody");
    this.table = make("table", {},
      make("thead", {}, make("tr", {}, ...["Happened", "What", "Webhook", "Tries", "Last answer", ""].map((text) => make("th", { scope: "col", textContent: text })))),
      this.rows);
    this.empty = make("p", { className: "hint", textContent: "There are none." });
    this.more = make("button", { type: "button", textContent: "Show more", hidden: true });
    this.more.addEventListener("click", () => this.load(this.more, this.cursor));
    this.element = make("div", { className: "letters", hidden: true },
      make("div", { className: "actions" }, ...this.tabs, this.all), make("div", { className: "wide" }, this.table), this.empty, this.more);
    this.element.setAttribute("aria-label", `Webhook deliveries of ${name}`);
    this.element.setAttribute("role", "region");
  }

  async toggle(button) {
    this.element.hidden = !this.element.hidden;
    button.setAttribute("aria-expanded", String(!this.element.hidden));
    if (!this.element.hidden) await this.load();
  }

  async choose(state) {
    this.state = state;
    await this.load();
  }

  // load shows the first page, or the one behind a cursor.
  async load(button, cursor) {
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset.state === this.state));
    this.all.hidden = this.state === "delivered";
    const query = new URLSearchParams({ state: this.state, limit: "50" });
    if (cursor) query.set("cursor", cursor);
    await this.run(button, async () => {
      const asked = this.state;
      const page = await (await this.context.request("GET", `/webhook/deliveries/${this.path}?${query}`)).json();
      if (asked !== this.state) return; // another tab was faster
      const rows = page.deliveries.map((delivery) => this.row(delivery));
      if (cursor) this.rows.append(...rows);
      else this.rows.replaceChildren(...rows);
      this.cursor = page.cursor;
      this.more.hidden = !page.cursor;
      this.empty.hidden = this.rows.childElementCount > 0;
      this.table.hidden = !this.empty.hidden;
      this.all.disabled = this.table.hidden;
    });
  }

  row(delivery) {
    const again = make("button", { type: "button", textContent: this.state === "dead" ? "Replay" : "Try now", hidden: this.state === "delivered" });
    again.addEventListener("click", () => this.replay(again, { id: delivery.id }));
    again.setAttribute("aria-label", `${again.textContent} ${delivery.kind} of ${when(delivery.at)}`);
    const answer = delivery.error ?? `answered ${delivery.status}, ${delivery.latencyMs} ms`;
    const row = make("tr", {},
      make("td", { textContent: when(delivery.at) }), make("td", { textContent: [delivery.kind, delivery.chat].filter(Boolean).join(" ") }),
      make("td", { textContent: delivery.webhook }), make("td", { textContent: String(delivery.attempts) }),
      make("td", { textContent: delivery.attempts > 0 || delivery.error ? answer : "waits behind another" }), make("td", {}, again));
    row.dataset.id = delivery.id;
    return row;
  }

  async replay(button, which) {
    await this.run(button, async () => {
      let replayed = 0, said;
      do {
        said = await (await this.context.request("POST", `/webhook/replay/${this.path}`, which)).json();
        replayed += said.replayed + said.hurried;
      } while (said.more && said.replayed + said.hurried > 0);
      this.context.say(`${this.name}: ${replayed} ${replayed === 1 ? "delivery is" : "deliveries are"} tried again.`);
    });
    await this.load();
  }

  // run does something once at a time, and says what went wrong.
  async run(button, act) {
    if (button) button.disabled = true;
    try {
      await act();
    } catch (error) {
      this.context.say(`${this.name}: ${error.message}`, true);
    }
    if (button) button.disabled = false;
  }
}
