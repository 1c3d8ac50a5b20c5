package whatsapp

import (
	"log/slog"
	"testing"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// What a client says of itself follows the version that WhatsApp demands and
// what its owner wants of the history.
func TestPayload(t *testing.T) {
	t.Parallel()
	identity := keys.NewKeyPair()
	device := &store.Device{NoiseKey: keys.NewKeyPair(), IdentityKey: identity, SignedPreKey: identity.CreateSignedPreKey(1), RegistrationID: 7}
	version := &Version{}
	c := New(Config{Version: version, Log: slog.New(slog.DiscardHandler)}, device, nil, nil, func(Signal) {})
	version.now = store.WAVersionContainer{2, 3000, 77}
	for _, full := range []bool{false, true} {
		c.FullHistory.Store(full)
		p := c.payload()
		var props waCompanionReg.DeviceProps
		if err := proto.Unmarshal(p.GetDevicePairingData().GetDeviceProps(), &props); err != nil {
			t.Fatal(err)
		}
		hash := version.now.Hash()
		if props.GetRequireFullSync() != full || p.GetUserAgent().GetAppVersion().GetTertiary() != 77 || string(p.GetDevicePairingData().GetBuildHash()) != string(hash[:]) {
			t.Errorf("full %v gives %v of %v", full, props.GetRequireFullSync(), p.GetUserAgent().GetAppVersion())
		}
	}
	if store.BaseClientPayload.GetUserAgent().GetAppVersion().GetTertiary() == 77 {
		t.Error("the library's own version has changed")
	}
}
