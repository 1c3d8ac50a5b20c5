package simulator

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waMmsRetry"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"roost/simulator/content"
	"roost/simulator/wire"
)

// notOnPhone is the error code for a file that the phone does not have either
// (whatsmeow mediaretry.go).
const notOnPhone = 2

var errNotOnPhone = errors.New("the phone does not have the file")

// retryMedia is a companion that cannot download a file and asks the phone to
// upload it again (receipt type server-error).
func (d *device) retryMedia(n *wire.Node) {
	id := textAttr(n, "id")
	if textAttr(n, "category") == "peer" {
		d.user.repeatHistory(d, id)
		return
	}
	rmr, ok := n.GetOptionalChildByTag("rmr")
	if !ok {
		d.sim.violations.add(Malformed, d.pn(), "server-error receipt without rmr")
		return
	}
	answer := wire.Node{Tag: "error", Attrs: wire.Attrs{"code": notOnPhone}}
	sealed, err := d.user.uploadAgain(id, child(n, "encrypt"))
	switch {
	case err == nil:
		answer = sealed
	case !errors.Is(err, errNotOnPhone):
		d.sim.violations.add(Malformed, d.pn(), "server-error receipt for "+id+": "+err.Error())
	}
	d.deliver(wire.Node{
		Tag:     "notification",
		Attrs:   wire.Attrs{"from": d.user.pn, "type": "mediaretry", "id": id, "t": now()},
		Content: []wire.Node{{Tag: "rmr", Attrs: rmr.Attrs}, answer},
	})
}

// uploadAgain puts the file of a message back onto the media servers and says
// where, encrypted with the file's key.
func (u *User) uploadAgain(id types.MessageID, request wire.Node) (wire.Node, error) {
	m, _, ok := u.known(id)
	if !ok {
		return wire.Node{}, errNotOnPhone
	}
	e, ok := content.Describe(m.Message)
	if !ok || e.Media == nil || e.Media.Key == nil {
		return wire.Node{}, errNotOnPhone
	}
	if err := checkRetry(id, e.Media.Key, request); err != nil {
		return wire.Node{}, err
	}
	body, ok := u.sim.media.Get(e.Media.DirectPath)
	if !ok {
		return wire.Node{}, errNotOnPhone
	}
	path, _ := u.sim.media.Put(body)
	return sealRetry(id, e.Media.Key, &waMmsRetry.MediaRetryNotification{
		StanzaID: new(id), DirectPath: new(path),
		Result: waMmsRetry.MediaRetryNotification_SUCCESS.Enum(),
	})
}

// repeatHistory uploads a chunk of history again and announces it anew.
func (u *User) repeatHistory(d *device, id types.MessageID) {
	u.mu.Lock()
	told, ok := u.settings.told.byID[id]
	u.mu.Unlock()
	notification := told.message.GetProtocolMessage().GetHistorySyncNotification()
	if !ok || notification == nil {
		return
	}
	if body, ok := u.sim.media.Get(notification.GetDirectPath()); ok {
		u.sim.media.Put(body)
		u.tell(d, u.sim.messageID(), proto.Clone(told.message).(*waE2E.Message))
	}
}

// retryCipher is what both halves of a media retry are encrypted with
// (whatsmeow mediaretry.go, getMediaRetryKey).
func retryCipher(mediaKey []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, mediaKey, nil, "WhatsApp Media Retry Notification", 32)
	if err != nil {
		return nil, fmt.Errorf("derive retry key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive retry key: %w", err)
	}
	return cipher.NewGCM(block)
}

// checkRetry proves that the companion has the file's key and means this file.
func checkRetry(id types.MessageID, mediaKey []byte, request wire.Node) error {
	aead, err := retryCipher(mediaKey)
	if err != nil {
		return err
	}
	iv := payload(child(&request, "enc_iv"))
	if len(iv) != aead.NonceSize() {
		return fmt.Errorf("enc_iv has %d bytes", len(iv))
	}
	plain, err := aead.Open(nil, iv, payload(child(&request, "enc_p")), []byte(id))
	if err != nil {
		return fmt.Errorf("open enc_p: %w", err)
	}
	var receipt waMmsRetry.ServerErrorReceipt
	if err := proto.Unmarshal(plain, &receipt); err != nil {
		return fmt.Errorf("parse enc_p: %w", err)
	}
	if receipt.GetStanzaID() != id {
		return fmt.Errorf("enc_p is about message %q", receipt.GetStanzaID())
	}
	return nil
}

func sealRetry(id types.MessageID, mediaKey []byte, n *waMmsRetry.MediaRetryNotification) (wire.Node, error) {
	aead, err := retryCipher(mediaKey)
	if err != nil {
		return wire.Node{}, err
	}
	plain, err := proto.Marshal(n)
	if err != nil {
		return wire.Node{}, fmt.Errorf("encode media retry: %w", err)
	}
	iv := make([]byte, aead.NonceSize())
	rand.Read(iv) // never fails: it ends the process instead
	return wire.Node{Tag: "encrypt", Content: []wire.Node{
		{Tag: "enc_p", Content: aead.Seal(nil, iv, plain, []byte(id))},
		{Tag: "enc_iv", Content: iv},
	}}, nil
}
