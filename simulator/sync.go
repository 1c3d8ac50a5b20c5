package simulator

import (
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/appstate"
	"roost/simulator/media"
	"roost/simulator/wire"
)

// syncAppState answers a companion that fetches app state or uploads a patch
// of it. What it uploads reaches the phone and the account's other companions.
func (st *stream) syncAppState(n *wire.Node) {
	d := st.device.Load()
	server, _ := d.user.settings.open()
	answer, appended := server.Sync(child(n, "sync"))
	for _, name := range appended {
		d.user.settings.pull(d, name)
		d.user.announceSettings(d, name)
	}
	st.result(n, answer)
}

// announceSettings tells the companions but one that a collection has grown.
func (u *User) announceSettings(but *device, name appstate.Name) {
	server, _ := u.settings.open()
	for _, d := range u.companions() {
		if d == but {
			continue
		}
		d.deliver(wire.Node{
			Tag: "notification",
			Attrs: wire.Attrs{
				"from": types.ServerJID, "type": "server_sync", "id": u.sim.stanzaID(), "t": now(),
			},
			Content: []wire.Node{{Tag: "collection", Attrs: wire.Attrs{
				"name": string(name), "version": itoa(server[name].Version()),
			}}},
		})
	}
}

// RotateSettingsKey makes the phone protect its next changes by a new app state
// key, as it does when a companion was unlinked. The companions get the key now
// if share is true; else they have to ask for it when they meet it.
func (u *User) RotateSettingsKey(share bool) {
	_, phone := u.settings.open()
	key := appstate.NewKey()
	for _, old := range phone.Share().GetKeys() {
		// The newest key wins, and clocks may stand still for a millisecond.
		if made := time.UnixMilli(old.GetKeyData().GetTimestamp()); !key.Timestamp.After(made.Add(time.Millisecond)) {
			key.Timestamp = made.Add(2 * time.Millisecond)
		}
	}
	phone.AddKey(key)
	if !share {
		return
	}
	for _, d := range u.companions() {
		u.tell(d, u.sim.messageID(), appstate.ShareMessage(key.Share()))
	}
}

// PublishSettings makes the phone upload snapshots of the named collections,
// all if none is named: a companion that fetches everything gets them instead
// of every change since the account began.
func (u *User) PublishSettings(names ...appstate.Name) error {
	server, phone := u.settings.open()
	if len(names) == 0 {
		for name := range server {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if server[name] == nil {
			return fmt.Errorf("collection %q: %w", name, appstate.ErrMalformed)
		}
		if server[name].Version() == 0 {
			continue // there is nothing to take a picture of
		}
		if err := phone.PublishSnapshot(server[name], u.sim.storeBlob); err != nil {
			return fmt.Errorf("publish %s: %w", name, err)
		}
	}
	return nil
}

// storeBlob uploads a piece of app state.
func (s *Simulator) storeBlob(plain []byte) (*waServerSync.ExternalBlobReference, error) {
	up, err := s.media.Upload(media.AppState, plain)
	if err != nil {
		return nil, err
	}
	return &waServerSync.ExternalBlobReference{
		MediaKey: up.MediaKey, DirectPath: new(up.DirectPath), Handle: new(up.DirectPath),
		FileSizeBytes: new(up.FileLength), FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
	}, nil
}

// openBlob is the reverse of storeBlob.
func (s *Simulator) openBlob(ref *waServerSync.ExternalBlobReference) ([]byte, error) {
	body, ok := s.media.Get(ref.GetDirectPath())
	if !ok {
		return nil, fmt.Errorf("nothing at %s: %w", ref.GetDirectPath(), media.ErrForged)
	}
	return media.Decrypt(media.AppState, ref.GetMediaKey(), body)
}
