// One instance on the page.
import { Letters } from "/console/letters.js";
import { make } from "/console/make.js";

const left = (until) => Math.max(0, Math.round((new Date(until) - Date.now()) / 1000));

export class Card {
  constructor(context, row) {
    this.context = context;
    this.row = row;
    this.path = encodeURIComponent(row.name);
    const id = `instance-${row.id}`;

    this.state = make("span", { className: "state" });
    this.who = make("p", { className: "who" });
    this.reason = make("p", { className: "hint" });

    this.picture = make("img", { alt: `QR code to link ${row.name}`, hidden: true });
    this.caption = make("figcaption");
    this.figure = make("figure", {}, this.picture, this.caption);
    this.code = make("p", { className: "code", hidden: true });
    this.codeText = make("span");
    this.codeLeft = make("span", { className: "left" });
    this.code.append(this.codeText, this.codeLeft);
    this.number = make("input", { id: `${id}-number`, inputMode: "tel", autocomplete: "off", value: row.number ?? "" });
    const ask = make("form", {},
      make("label", { htmlFor: this.number.id, textContent: "Link with a phone number instead" }), this.number,
      make("div", { className: "actions" }, make("button", { textContent: "Get a pairing code" })));
    ask.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run(event.submitter, async () => {
        const digits = this.number.value.replace(/\D/g, "");
        await this.context.request("GET", `/instance/connect/${this.path}?number=${digits}`);
        await this.showPairing();
      });
    });
    this.scan = this.button("Scan with a simulated phone", () => this.scanSimulated());
    this.scan.classList.add("scan");
    this.passkey = make("div", { className: "passkey", hidden: true });
    const other = make("div", { className: "other" },
      make("p", { className: "hint", textContent: "On the phone: WhatsApp, Linked devices, Link a device. Scan the code, or choose the phone number and type the pairing code." }),
      this.code, ask, make("div", { className: "actions" }, this.scan));
    this.pairing = make("div", { className: "pairing", hidden: true }, this.figure, other);

    this.connect = this.button("Connect", () => this.call("GET", "connect", "connects"));
    this.restart = this.button("Restart", () => this.call("POST", "restart", "restarts"));
    this.logout = this.button("Log out", () => this.call("DELETE", "logout", "is logged out"));
    this.delete = make("button", { type: "button", textContent: "Delete", className: "danger" });
    this.delete.addEventListener("click", () => this.confirmDelete());

    this.letters = new Letters(context, row.name);
    this.deliveries = this.button("Webhook deliveries", () => this.letters.toggle(this.deliveries));
    this.deliveries.setAttribute("aria-expanded", "false");

    const title = make("h3", { id, textContent: row.name });
    this.element = make("section", { className: "card" },
      make("div", { className: "top" }, title, this.state), this.who, this.reason, this.pairing, this.passkey,
      make("div", { className: "actions" }, this.connect, this.restart, this.logout, this.deliveries, this.delete),
      this.letters.element);
    this.element.setAttribute("aria-labelledby", id);
    this.element.dataset.name = row.name;
  }

  button(text, act) {
    const button = make("button", { type: "button", textContent: text });
    button.addEventListener("click", () => this.run(button, act));
    return button;
  }

  // run does something once at a time, and says what went wrong.
  async run(button, act) {
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      this.context.say(`${this.row.name}: ${error.message}`, true);
    }
    button.disabled = false;
  }

  async call(method, act, done) {
    await this.context.request(method, `/instance/${act}/${this.path}`);
    this.context.say(`${this.row.name} ${done}.`);
    await this.context.refresh();
  }

  update(row) {
    this.row = row;
    const state = row.connectionStatus;
    this.element.dataset.state = state;
    if (this.state.textContent !== state) this.state.textContent = state;
    this.state.className = `state ${state}`;
    const account = row.ownerJid ? `+${row.ownerJid.split("@")[0]}` : "";
    this.who.textContent = [row.profileName, account].filter(Boolean).join(", ");
    const why = row.disconnectionObject ? JSON.parse(row.disconnectionObject) : undefined;
    this.reason.textContent = why && state !== "open" ? [why.reason, why.action].filter(Boolean).join(" ") : "";
    this.connect.hidden = state !== "close";
    this.restart.hidden = state === "close";
    this.logout.hidden = state !== "open" && !row.ownerJid;
    if (state === "connecting" && !row.ownerJid) this.showPairing();
    else this.hidePairing();
  }

  hidePairing() {
    this.pairing.hidden = true;
    this.passkey.hidden = true;
    this.shown = undefined;
    this.setPicture(undefined);
  }

  async showPairing() {
    if (this.asking) return;
    this.asking = true;
    try {
      const offer = await (await this.context.request("GET", `/instance/qr/${this.path}?format=json`)).json();
      if (offer.code && offer.code !== this.shown?.code) {
        const svg = await (await this.context.request("GET", `/instance/qr/${this.path}?format=svg`)).blob();
        this.setPicture(svg);
      }
      this.shown = offer;
      this.pairing.hidden = offer.passkey;
      this.code.hidden = !offer.pairingCode;
      if (offer.pairingCode) this.codeText.textContent = `${offer.pairingCode.slice(0, 4)}-${offer.pairingCode.slice(4)}`;
      if (offer.pairingCodeError) this.context.say(`${this.row.name}: ${offer.pairingCodeError}`, true);
      this.scan.hidden = !this.context.simulated();
      if (offer.passkey) await this.showPasskey();
      else this.passkey.hidden = true;
      this.tick();
    } catch (error) {
      if (error.status === 404) this.hidePairing(); // no code yet, or no more
    }
    this.asking = false;
  }

  setPicture(svg) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = svg && URL.createObjectURL(svg);
    this.picture.hidden = !svg;
    if (svg) this.picture.src = this.address;
    else this.picture.removeAttribute("src");
  }

  // tick counts down.
  tick() {
    if (!this.shown) return;
    const { expiresAt, pairingCodeExpiresAt, endsAt, count } = this.shown;
    this.caption.textContent = expiresAt ? `Code ${count}, a new one in ${left(expiresAt)} s; ends in ${left(endsAt)} s` : "";
    this.codeLeft.textContent = pairingCodeExpiresAt ? `good for ${left(pairingCodeExpiresAt)} s` : "";
  }

  async showPasskey() {
    const step = await (await this.context.request("GET", `/instance/passkey/${this.path}`)).json();
    const key = JSON.stringify(step);
    this.passkey.hidden = false;
    if (key === this.passkeyStep) return;
    this.passkeyStep = key;
    const answer = (response) => this.context.request("POST", `/instance/passkey/${this.path}`, response);
    if (step.code) {
      this.passkey.replaceChildren(
        make("p", {}, "The phone shows a code. It must be the same as this one:"),
        make("p", { className: "code", textContent: step.code }),
        make("div", { className: "actions" }, this.button("The codes are the same", () => answer({ confirm: true }))));
      return;
    }
    const actions = make("div", { className: "actions" },
      this.button("Use the passkey", async () => {
        const options = PublicKeyCredential.parseRequestOptionsFromJSON(step.request);
        const credential = await navigator.credentials.get({ publicKey: options });
        await answer({ response: credential.toJSON() });
      }));
    if (this.context.simulated() && this.phone) {
      actions.append(this.button("Use the simulated phone's passkey", async () => {
        await answer({ response: await this.simulate(`/simulator/phones/${this.phone}/passkey`, { request: step.request }) });
      }));
    }
    this.passkey.replaceChildren(
      make("p", {}, "This account is protected by a passkey, and WhatsApp asks for it before it links the phone. " +
        "A browser lets a page use a passkey only on the site that it belongs to. If the button is refused here, run the request " +
        "(GET /instance/passkey) where the passkey works, and post its answer back."),
      actions);
  }

  async simulate(path, body) {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const said = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(said.error ?? `the simulator answers ${response.status}`);
    return said;
  }

  // scanSimulated links the instance to a phone of the simulator. Like WhatsApp
  // the simulator may want the code's secret replaced after the first scan: the
  // phone then scans the next code.
  async scanSimulated() {
    this.phone ??= `49151${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}`;
    await this.simulate("/simulator/phones", { number: this.phone, name: this.row.name });
    for (let tries = 0; ; tries++) {
      const { code } = this.shown;
      try {
        await this.simulate(`/simulator/phones/${this.phone}/scan`, { qr: code });
        break;
      } catch (error) {
        if (error.message === "passkey") break; // the page asks for it
        if (error.message !== "refresh" || tries === 3) throw error;
      }
      await this.nextCode(code);
    }
    this.context.say(`${this.row.name} is linked to the simulated phone +${this.phone}.`);
    await this.context.refresh();
  }

  // nextCode waits until another code than the given one is shown.
  async nextCode(code) {
    for (let tries = 0; tries < 50 && this.shown?.code === code; tries++) {
      await new Promise((resolve) => { setTimeout(resolve, 200); });
      await this.showPairing();
    }
    if (!this.shown || this.shown.code === code) throw new Error("no new code has come after the scan");
  }

  // confirmDelete asks by changing the button for a moment.
  confirmDelete() {
    if (!this.sure) {
      this.sure = true;
      this.delete.textContent = "Delete for good?";
      setTimeout(() => { this.sure = false; this.delete.textContent = "Delete"; }, 5000);
      return;
    }
    this.run(this.delete, async () => {
      const { archive } = await (await this.context.request("DELETE", `/instance/delete/${this.path}`)).json();
      this.context.say(`${this.row.name} is deleted.`);
      if (archive) this.context.showArchive(this.row.name, archive);
      await this.context.refresh();
    });
  }

  remove() {
    this.hidePairing();
    this.element.remove();
  }
}
