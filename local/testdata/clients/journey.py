"""The main job, done by clients of Evolution API that others wrote.

    journey.py ROOST ADMIN_KEY SIMULATOR

They know nothing of Roost but its base URL. Phones and people are the
simulator's. Each step prints a line; what fails ends the script.
"""

import base64
import http.server
import io
import json
import struct
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib

import evolution_api
from evolution_api.webhooks import parse_webhook
from evolutionapi.client import EvolutionClient
from evolutionapi.exceptions import EvolutionAuthenticationError, EvolutionNotFoundError
from evolutionapi.models import chat, group, instance, label, message, presence, profile
from pyevolutionapi import EvolutionClient as PyEvolution
from pyevolutionapi.exceptions import EvolutionAPIError as PyEvolutionError

ROOST, KEY, SIMULATOR = sys.argv[1:4]
ALICE, BOB, CAROL = "491510000001", "491510000002", "491510000003"
PATIENCE = 60  # seconds


def step(name, seen):
    """Says that a step is done; seen must be true."""
    if not seen:
        raise AssertionError(f"{name}: {seen!r}")
    print("ok", name, flush=True)
    return seen


def simulator(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"{SIMULATOR}/simulator{path}", data, timeout=PATIENCE) as r:
            return r.status, json.load(r)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def until(what, ask):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if got := ask():
            return got
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")


def inbox(number, ok):
    """The first message that a contact has received of which ok is true."""
    return until(f"a message to {number}", lambda: next((m for m in simulator(f"/contacts/{number}/inbox?wait=1")[1] if ok(m)), None))


def picture():
    """A PNG of 32 by 32 green pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x20\xc0\x40" * 32 for _ in range(32))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Receiver(http.server.BaseHTTPRequestHandler):
    told = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.told.append(parse_webhook(json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def heard(event, ok=lambda e: True):
    return until(f"the webhook {event}", lambda: next((e for e in list(Receiver.told) if e.event == event and ok(e)), None))


def manage(hook):
    """pyevolutionapi makes an instance and links it to Alice's phone."""
    client = PyEvolution(base_url=ROOST, api_key=KEY)
    made = client.instance.create("shop", qrcode=True, webhook={"url": hook, "byEvents": False, "base64": False, "events": []})
    step("pyevolutionapi: create", made.instance.name == "shop" and made.hash and made.qr_code_base64.startswith("data:image/png;base64,"))
    scanned = set()

    def linked():
        code = client.instance.connect("shop").code
        if code and code not in scanned:
            scanned.add(code)
            simulator(f"/phones/{ALICE}/scan", {"qr": code})
        return client.instance.connection_state("shop")["instance"]["state"] == "open"

    until("shop to be open", linked)
    step("pyevolutionapi: connect by QR code", True)
    one = client.instance.fetch_instances(instance_name="shop")
    step("pyevolutionapi: fetch_instances", len(one) == 1 and one[0].id)
    hooks = client.webhook.find_webhook("shop")
    step("pyevolutionapi: find_webhook", hooks is not None)
    try:
        client.instance.create("shop")
        raise AssertionError("a name was given twice")
    except PyEvolutionError as e:
        step("pyevolutionapi: create again is refused", e.status_code == 403 and "already in use" in str(e.response_data))
    return client, made.hash


def talk():
    """evolution-whatsapp sends, and its models parse what webhooks tell."""
    client = evolution_api.EvoClient(base_url=ROOST, api_key=KEY, instance="shop", timeout=PATIENCE)
    step("evolution-whatsapp: connection_state", client.connection_state()["instance"]["state"] == "open")
    sent = client.send_text(BOB, "Hello Bob", delay=100)
    step("evolution-whatsapp: send_text", sent["key"]["fromMe"] and sent["status"] == "PENDING")
    step("... arrives", inbox(BOB, lambda m: m["id"] == sent["key"]["id"])["text"] == "Hello Bob")
    heard("send.message", lambda e: e.data["key"]["id"] == sent["key"]["id"])
    reply = client.send_text("+" + BOB, "and this is about it", quoted={"key": sent["key"], "message": {"conversation": "Hello Bob"}})
    step("evolution-whatsapp: send_text with a quote", inbox(BOB, lambda m: m["id"] == reply["key"]["id"]))
    png = base64.b64encode(picture()).decode()
    sent = client.send_media(BOB, "image", "image/png", png, "green.png", caption="green")
    step("evolution-whatsapp: send_media", inbox(BOB, lambda m: m["id"] == sent["key"]["id"])["kind"] == "image")
    sent = client.send_location(BOB, 52.52, 13.405, name="Berlin", address="Mitte")
    step("evolution-whatsapp: send_location", inbox(BOB, lambda m: m["id"] == sent["key"]["id"])["kind"] == "location")
    sent = client.send_contact(BOB, {"fullName": "Carol", "phoneNumber": "+" + CAROL})
    step("evolution-whatsapp: send_contact", inbox(BOB, lambda m: m["id"] == sent["key"]["id"])["kind"] == "contact")
    sent = client.send_poll(BOB, "Tea?", ["yes", "no"], selectable_count=1)
    step("evolution-whatsapp: send_poll", inbox(BOB, lambda m: m["id"] == sent["key"]["id"])["kind"] == "poll")
    sent = client.send_reaction(reply["key"], "👍")
    step("evolution-whatsapp: send_reaction", inbox(BOB, lambda m: m["kind"] == "reaction"))
    sent = client.send_sticker(BOB, png)
    step("evolution-whatsapp: send_sticker", inbox(BOB, lambda m: m["id"] == sent["key"]["id"])["kind"] == "sticker")
    sent = client.send_status("text", "open today", background_color="#00aa88", font=1, status_jid_list=[BOB + "@s.whatsapp.net"])
    step("evolution-whatsapp: send_status", sent["key"]["remoteJid"] == "status@broadcast")
    known = client.check_is_whatsapp([BOB, "4915199999999"])
    step("evolution-whatsapp: check_is_whatsapp", {n["number"]: n["exists"] for n in known} == {BOB: True, "4915199999999": False})

    _, said = simulator(f"/contacts/{BOB}/send", {"to": ALICE, "text": "Hello Alice"})
    told = heard("messages.upsert", lambda e: e.data.key.id == said["id"])
    step("evolution-whatsapp: its model of messages.upsert", told.data.message["conversation"] == "Hello Alice" and told.data.push_name == "Bob"
         and told.data.message_type == "conversation" and told.data.key.remote_jid == BOB + "@s.whatsapp.net" and not told.data.key.from_me)
    step("evolution-whatsapp: its model of connection.update", heard("connection.update", lambda e: e.data.state == "open"))
    step("evolution-whatsapp: its model of qrcode.updated", heard("qrcode.updated").data.qrcode["base64"].startswith("data:image/png"))
    return told


def keep(token, told):
    """evolutionapi looks after chats, groups and the profile, with the instance's token."""
    client = EvolutionClient(base_url=ROOST, api_token=KEY)
    step("evolutionapi: fetch_instances", [i["name"] for i in client.instances.fetch_instances()] == ["shop"])
    sent = client.messages.send_text("shop", message.TextMessage(number=BOB, text="from another client", delay=50), token)
    step("evolutionapi: send_text", inbox(BOB, lambda m: m["id"] == sent["key"]["id"]))
    sent = client.messages.send_media("shop", message.MediaMessage(number=BOB, mediatype="document", mimetype="text/plain", caption="a list", fileName="list.txt"),
                                      token, io.BytesIO(b"one\ntwo\n"))
    step("evolutionapi: send_media as multipart", inbox(BOB, lambda m: m["id"] == sent["key"]["id"])["kind"] == "document")

    key = {"remoteJid": BOB + "@s.whatsapp.net", "fromMe": False, "id": told.data.key.id}
    read = client.chat.mark_message_as_read("shop", [chat.ReadMessage(key["remoteJid"], False, key["id"])], token)
    step("evolutionapi: mark_message_as_read", read["read"] == "success")
    client.chat.archive_chat("shop", chat.ArchiveChat({"key": key}, key["remoteJid"], True), token)
    step("evolutionapi: archive_chat", True)
    client.chat.send_presence("shop", chat.Presence(BOB, 200, "composing"), token)
    step("evolutionapi: send_presence", True)
    client.instance_operations.set_presence("shop", presence.PresenceStatus.AVAILABLE, token)
    step("evolutionapi: set_presence", True)
    found = client.chat.get_messages("shop", key["remoteJid"], token)
    step("evolutionapi: get_messages", found["messages"]["total"] >= 3 and any(m["key"]["id"] == key["id"] for m in found["messages"]["records"]))
    step("evolutionapi: check_is_whatsapp_numbers", client.chat.check_is_whatsapp_numbers("shop", chat.CheckIsWhatsappNumber([BOB]), token)[0]["exists"])

    made = client.group.create_group("shop", group.CreateGroup("Friends", [BOB, CAROL], "of the shop"), token)
    jid = step("evolutionapi: create_group", made["id"] if made["id"].endswith("@g.us") else None)
    sent = client.messages.send_text("shop", message.TextMessage(number=jid, text="welcome", mentionsEveryOne=True), token)
    step("evolutionapi: send_text to a group", inbox(CAROL, lambda m: m["id"] == sent["key"]["id"])["text"] == "welcome")
    client.group.update_group_subject("shop", jid, group.GroupSubject("Good friends"), token)
    info = client.group.get_group_info("shop", jid, token)
    step("evolutionapi: group subject", info["subject"] == "Good friends" and info["size"] == 3)
    invited = client.group.get_invite_code("shop", jid, token)
    step("evolutionapi: invite code", invited["inviteUrl"].endswith(invited["inviteCode"]))
    client.group.update_participant("shop", jid, group.UpdateParticipant("remove", [CAROL]), token)
    left = client.group.get_participants("shop", jid, token)["participants"]
    step("evolutionapi: update_participant", len(left) == 2)
    client.group.leave_group("shop", jid, token)
    step("evolutionapi: leave_group", True)

    client.profile.update_profile_name("shop", profile.ProfileName("Alice's shop"), token)
    client.profile.update_profile_status("shop", profile.ProfileStatus("open"), token)
    step("evolutionapi: profile", client.profile.fetch_privacy_settings("shop", token)["readreceipts"] in ("all", "none"))

    step("evolutionapi: find_labels", isinstance(client.label.find_labels("shop", token), list))

    for what, ask, error in (
        ("a wrong key", lambda: EvolutionClient(ROOST, "nobody's-key-0123456789").instances.fetch_instances(), EvolutionAuthenticationError),
        ("an unknown instance", lambda: client.instance_operations.connect("none", KEY), EvolutionNotFoundError),
    ):
        try:
            ask()
            raise AssertionError(f"{what} is not refused")
        except error:
            step(f"evolutionapi: {what} is refused", True)
    return client


def end(client, token):
    gone = client.instance_operations.logout("shop", token)
    step("evolutionapi: logout", gone["status"] == "SUCCESS")
    gone = client.instance_operations.delete("shop", KEY)
    step("evolutionapi: delete", gone["status"] == "SUCCESS")
    with urllib.request.urlopen(gone["archive"]["signedURL"], timeout=PATIENCE) as r:
        step("the transcript", b"Hello Alice" in zlib.decompress(r.read(), 31))


def main():
    for number, name in ((BOB, "Bob"), (CAROL, "Carol")):
        simulator("/contacts", {"number": number, "name": name})
    simulator("/phones", {"number": ALICE, "name": "Alice"})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _, token = manage(f"http://127.0.0.1:{server.server_port}/")
    told = talk()
    client = keep(token, told)
    end(client, token)
    print("passed", flush=True)


main()
