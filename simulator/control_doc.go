package simulator

// # The control API
//
// Tests in other processes and other languages hold the phones over HTTP, on
// the same port as the WebSocket. Every call is a thin layer over a method of
// this package, which says more.
//
// Bodies and answers are JSON in UTF-8 (Content-Type application/json;
// charset=utf-8). Lists are never null. {number} in a path is a phone number
// with or without +, a LID, or a JID of either kind. lid in an answer is a JID
// such as 123456789012345@lid, jid that of a companion such as
// 491510000001:1@s.whatsapp.net.
//
// What goes wrong answers {"error": sentence}:
//
//	400  the body is not what the call takes: not JSON, missing, an unknown
//	     field, a wrong type, a number that is none, a message that makes no sense
//	404  nobody has that number, no such message, group, companion or path
//	405  the path takes other methods, listed in the header Allow
//	409  linking did not succeed, a group does not let somebody do that, or a
//	     file is not what its message says
//	413  the body has more than 64 MiB
//
// The server:
//
//	GET    /simulator                                      {websocketURL, mediaURL, rootPublicKey (hex), connections, violations}
//	DELETE /simulator/violations                           200 {}; forgets them (Simulator.Forgive)
//	GET    /simulator/knobs                                all knobs and their values (Knobs)
//	POST   /simulator/knobs         what changes           200 all knobs and their values
//	GET    /simulator/faults                               the faults that wait for their occasion, [Fault]
//	POST   /simulator/faults        Fault                  200 the fault as it was taken (Simulator.Inject)
//
// A violation is {kind, device, detail, at}.
//
// Phones, whose companions are under test:
//
//	POST   /simulator/phones        {number, name?}        201 {number, lid}; again: the same, with the new name if one is given
//	GET    /simulator/phones                               [{number, lid, name, passkeyCode?, companions: [{device, jid, lid, online, owed}]}]
//	GET    /simulator/phones/{n}                           one of these
//	POST   /simulator/phones/{n}/scan     {qr, follow?}    200 {jid} (User.Scan, User.ScanAndFollow)
//	POST   /simulator/phones/{n}/code     {code}           200 {jid} (User.EnterCode)
//	POST   /simulator/phones/{n}/passkey  {request}        200 the WebAuthn response (User.AnswerPasskey)
//	POST   /simulator/phones/{n}/unlink   {device?}        200 {}; unlinks that companion, or all (User.Unlink)
//	POST   /simulator/phones/{n}/enrol    linking.Enrolment
//	                                                       200 linking.Enrolled; links a client that knows its keys, without a pairing on the wire (User.Enrol)
//	GET    /simulator/phones/{n}/mirror                    what its companions have sent (User.Mirrored)
//	GET    /simulator/phones/{n}/settings                  what is archived, pinned, muted, ... (User.Settings)
//
// A scan answers 409 {"error":"refresh"} when the client was told to rotate its
// secret: it shows a new code, which a second call scans. With "follow": true
// the first call stays open, 25 s at most, until that scan of the same
// connection has come, and both answer with the jid. 409 {"error":"passkey"}
// says that linking goes on by itself when the client has answered; with follow
// the call stays open until it is linked. Any other 409 has a sentence: the
// code is stale, used, malformed or wrong, or the client refused.
//
// The request of a passkey is a PublicKeyCredentialRequestOptions, as an object
// or as a text that holds one.
//
// People, who write and read. A phone is a person too: all of these also exist
// under /simulator/phones.
//
//	POST   /simulator/contacts      {number, name?}        201 {number, lid}
//	GET    /simulator/contacts                             [{number, lid, name, companions}]
//	GET    /simulator/contacts/{n}                         one of these
//	POST   /simulator/contacts/{n}/send   Saying           201 {id} (User.Say)
//	GET    /simulator/contacts/{n}/inbox                   [content.Entry], oldest first (User.Inbox)
//	       ?after=ID                                       only what came after that message
//	       ?wait=SECONDS                                   waits so long, 60 s at most, while there is nothing
//	GET    /simulator/contacts/{n}/inbox/{id}/media        the decrypted file of a message
//	GET    /simulator/contacts/{n}/receipts                [{id, type, by, at}] for what the person has sent (User.Receipts)
//	POST   /simulator/contacts/{n}/read   {id}             200 {} (User.Read)
//	POST   /simulator/contacts/{n}/played {id}             200 {} (User.Played)
//	POST   /simulator/contacts/{n}/typing {to, state?}     200 {}; state is composing (else), recording or paused
//
// Groups:
//
//	POST   /simulator/groups  {subject, creator, members}  201 {jid} (Simulator.Group)
//	GET    /simulator/groups                               [{jid, subject, creator, participants: [{number, lid, role}]}]
//	POST   /simulator/groups/{jid}/participants {action, by, numbers}
//	                                                       200 the group; action is add, remove, promote or demote
//
// What a person writes ([Saying]) has one of these, and "to", which may be left
// out where a message is named, for its chat is known:
//
//	{"to": "491510000001", "text": "hello"}
//	{"to": "…", "text": "see https://example.org", "link": {"url": "https://example.org", "title": "…", "description": "…"}}
//	{"to": "…", "media": {"kind": "image", "base64": "…", "mimetype": "image/png", "caption": "…", "fileName": "…"}}
//	{"to": "…", "location": {"latitude": 52.5, "longitude": 13.4, "name": "…", "address": "…"}}
//	{"to": "…", "contact": {"name": "Anna", "number": "491510000009"}}
//	{"to": "…", "poll": {"question": "…", "options": ["a", "b"], "selectable": 1}}
//	{"vote": {"id": "…", "options": ["a"]}}
//	{"reaction": {"id": "…", "emoji": "👍"}}
//	{"edit": {"id": "…", "text": "…"}}
//	{"revoke": {"id": "…"}}
//
// and beside text, media, location, contact and poll any of
//
//	"reply": {"id": "…"}, "mentions": ["491510000001"], "forwarded": true, "viewOnce": true, "expiration": 86400
//
// "id" sets the message's own id. A message that is named by its id is looked
// up in what the person has sent, heard and mirrored; one that is not there can
// be named by {id, chat, sender, fromMe}.
