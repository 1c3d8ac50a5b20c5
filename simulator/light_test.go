package simulator_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	"roost/simulator/linking"
	"roost/simulator/wire"
)

var errPaired = errors.New("paired: the server wants a login")

// light is a companion that costs little: it pairs, logs in, uploads prekeys
// and answers what it is sent, but reads none of it. It is no correct client
// (it makes up the public halves of its prekeys and has no sessions), only one
// that a server cannot tell from a correct one.
type light struct {
	url      string
	root     [32]byte
	http     *http.Client
	preKeys  int    // how many it uploads
	arrived  func() // called for each message of a person, after it was confirmed
	noise    *keys.KeyPair
	identity *keys.KeyPair
	signed   *keys.PreKey
	secret   []byte
	jid      types.JID
	fresh    bool // it has not uploaded its prekeys yet

	conn *wire.Conn
}

func (l *light) generate() {
	l.noise, l.identity, l.secret = keys.NewKeyPair(), keys.NewKeyPair(), randomBytes(32)
	l.fresh = true
	l.signed = l.identity.CreateSignedPreKey(1)
}

// show connects as a new client and returns the text of its first QR code.
func (l *light) show(ctx context.Context) (string, error) {
	l.generate()
	err := l.dial(ctx, &waWa6.ClientPayload{DevicePairingData: &waWa6.ClientPayload_DevicePairingRegistrationData{
		ERegid: bigEndian(1), EKeytype: []byte{ecc.DjbType}, EIdent: l.identity.Pub[:],
		ESkeyID: bigEndian(l.signed.KeyID)[1:], ESkeyVal: l.signed.Pub[:], ESkeySig: l.signed.Signature[:],
	}})
	if err != nil {
		return "", err
	}
	n, err := l.conn.Read()
	if err != nil {
		return "", fmt.Errorf("wait for pair-device: %w", err)
	}
	offer := n.GetChildByTag("pair-device")
	refs := offer.GetChildrenByTag("ref")
	if len(refs) == 0 {
		return "", fmt.Errorf("no QR code in %s", n)
	}
	qr := linking.QR{Ref: string(refs[0].Content.([]byte)), Noise: *l.noise.Pub, Identity: *l.identity.Pub, ADVSecret: l.secret, ClientType: "1"}
	return qr.String(), l.conn.Write(answerTo(n))
}

// pair answers the phone that has scanned the code, until the server has it.
func (l *light) pair() error {
	for {
		n, err := l.conn.Read()
		if err != nil {
			return fmt.Errorf("wait for pair-success: %w", err)
		}
		if err := l.pairing(n); errors.Is(err, errPaired) {
			l.conn.Drop()
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (l *light) pairing(n *wire.Node) error {
	if n.Tag == "stream:error" {
		return errPaired
	}
	success, ok := n.GetOptionalChildByTag("pair-success")
	if !ok {
		return nil
	}
	l.jid, _ = success.GetChildByTag("device").Attrs["jid"].(types.JID)
	container, _ := success.GetChildByTag("device-identity").Content.([]byte)
	index, reply, err := l.sign(container)
	if err != nil {
		return err
	}
	return l.conn.Write(answerTo(n, wire.Node{Tag: "pair-device-sign", Content: []wire.Node{
		{Tag: "device-identity", Attrs: wire.Attrs{"key-index": index}, Content: reply},
	}}))
}

// sign agrees to the identity that the phone has given it.
func (l *light) sign(container []byte) (index uint32, reply []byte, err error) {
	var outer waAdv.ADVSignedDeviceIdentityHMAC
	var signed waAdv.ADVSignedDeviceIdentity
	var details waAdv.ADVDeviceIdentity
	err = errors.Join(proto.Unmarshal(container, &outer), proto.Unmarshal(outer.GetDetails(), &signed), proto.Unmarshal(signed.GetDetails(), &details))
	if err != nil {
		return 0, nil, fmt.Errorf("read device identity: %w", err)
	}
	covered := append([]byte{6, 1}, signed.GetDetails()...)
	covered = append(append(covered, l.identity.Pub[:]...), signed.GetAccountSignatureKey()...)
	signature := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*l.identity.Priv), covered)
	signed.DeviceSignature, signed.AccountSignatureKey = signature[:], nil
	reply, err = proto.Marshal(&signed)
	return details.GetKeyIndex(), reply, err
}

// login connects as the companion it has become and returns when it is active.
// From then on it answers by itself.
func (l *light) login(ctx context.Context) error {
	err := l.dial(ctx, &waWa6.ClientPayload{
		Username: new(l.jid.UserInt()), Device: new(uint32(l.jid.Device)), Passive: new(true), Pull: new(true),
	})
	if err != nil {
		return err
	}
	if n, err := l.conn.Read(); err != nil || n.Tag != "success" {
		return fmt.Errorf("login of %s: %v, %w", l.jid, n, err)
	}
	if l.fresh {
		l.fresh = false
		if err := l.conn.Write(l.upload()); err != nil {
			return err
		}
	}
	err = l.conn.Write(wire.Node{Tag: "iq", Attrs: wire.Attrs{"id": "active", "xmlns": "passive", "type": "set", "to": types.ServerJID}, Content: []wire.Node{{Tag: "active"}}})
	if err != nil {
		return err
	}
	for {
		n, err := l.conn.Read()
		if err != nil {
			return fmt.Errorf("wait until active: %w", err)
		}
		if n.Tag == "iq" && n.Attrs["id"] == "active" {
			go l.serve(l.conn)
			return nil
		}
		if err := l.answer(n); err != nil {
			return err
		}
	}
}

func (l *light) serve(conn *wire.Conn) {
	for {
		n, err := conn.Read()
		if err != nil || l.answer(n) != nil {
			return
		}
	}
}

// answer says what a client must say to a stanza.
func (l *light) answer(n *wire.Node) error {
	id, from := n.Attrs["id"], n.Attrs["from"]
	switch n.Tag {
	case "message":
		attrs := wire.Attrs{"id": id, "to": from}
		if n.Attrs["category"] == "peer" {
			attrs["type"] = "peer_msg"
			return l.conn.Write(wire.Node{Tag: "receipt", Attrs: attrs})
		}
		err := l.conn.Write(wire.Node{Tag: "receipt", Attrs: attrs})
		l.arrived()
		return err
	case "notification", "receipt", "call":
		return l.conn.Write(wire.Node{Tag: "ack", Attrs: wire.Attrs{"class": n.Tag, "id": id, "to": from, "type": n.Attrs["type"]}})
	default:
		return nil
	}
}

func (l *light) upload() wire.Node {
	list := make([]wire.Node, l.preKeys)
	random := randomBytes(32 * l.preKeys) // any 32 bytes are a public key
	for i := range list {
		list[i] = wire.Node{Tag: "key", Content: []wire.Node{
			{Tag: "id", Content: bigEndian(uint32(i) + 1)[1:]}, {Tag: "value", Content: random[32*i : 32*i+32]},
		}}
	}
	return wire.Node{Tag: "iq", Attrs: wire.Attrs{"id": "keys", "xmlns": "encrypt", "type": "set", "to": types.ServerJID}, Content: []wire.Node{
		{Tag: "registration", Content: bigEndian(1)},
		{Tag: "type", Content: []byte{ecc.DjbType}},
		{Tag: "identity", Content: l.identity.Pub[:]},
		{Tag: "list", Content: list},
		{Tag: "skey", Content: []wire.Node{
			{Tag: "id", Content: bigEndian(l.signed.KeyID)[1:]}, {Tag: "value", Content: l.signed.Pub[:]}, {Tag: "signature", Content: l.signed.Signature[:]},
		}},
	}}
}

func (l *light) dial(ctx context.Context, payload *waWa6.ClientPayload) error {
	var err error
	url := "ws" + strings.TrimPrefix(l.url, "http") + "/ws/chat"
	l.conn, err = wire.Dial(ctx, url, wire.Dialer{HTTPClient: l.http, Root: l.root, Static: l.noise, Payload: payload})
	return err
}

func answerTo(n *wire.Node, children ...wire.Node) wire.Node {
	answer := wire.Node{Tag: "iq", Attrs: wire.Attrs{"id": n.Attrs["id"], "type": "result", "to": types.ServerJID}}
	if len(children) > 0 {
		answer.Content = children
	}
	return answer
}

func bigEndian(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
