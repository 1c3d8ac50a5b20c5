package whatsapp

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"
)

// refreshPause is the least time between two looks at WhatsApp's page.
const refreshPause = time.Minute

// Version is the revision of WhatsApp Web that the clients of a process say
// they are. It begins with the library's and follows WhatsApp's page when
// WhatsApp demands a newer one. The zero value is ready.
type Version struct {
	mu     sync.Mutex
	now    store.WAVersionContainer // zero for the library's
	looked time.Time
}

func (v *Version) current() store.WAVersionContainer {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.now.IsZero() {
		return store.GetWAVersion()
	}
	return v.now
}

// renew looks for a version that is newer than used. It reports whether there
// is one. The page is asked once a minute at most, however many clients are
// outdated.
func (v *Version) renew(ctx context.Context, used store.WAVersionContainer, over *http.Client) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.now.IsZero() && used.LessThan(v.now) {
		return true, nil
	}
	if time.Since(v.looked) < refreshPause {
		return false, nil
	}
	v.looked = time.Now()
	latest, err := whatsmeow.GetLatestVersion(ctx, over)
	if err != nil {
		return false, fmt.Errorf("look up the current version: %w", err)
	}
	if !used.LessThan(*latest) {
		return false, nil
	}
	v.now = *latest
	return true, nil
}

// payload is what the client says of itself when it connects: the library's
// word with the version that counts now and, before it is linked, how much
// history its owner wants.
func (c *Client) payload() *waWa6.ClientPayload {
	p := c.device.GetClientPayload()
	version := c.cfg.Version.current()
	c.version.Store(&version)
	p.UserAgent.AppVersion = version.ProtoAppVersion()
	pairing := p.GetDevicePairingData()
	if pairing == nil {
		return p
	}
	hash := version.Hash()
	pairing.BuildHash = hash[:]
	var props waCompanionReg.DeviceProps
	if c.FullHistory.Load() && proto.Unmarshal(pairing.DeviceProps, &props) == nil {
		props.RequireFullSync = new(true)
		if changed, err := proto.Marshal(&props); err == nil { // else the library's stays
			pairing.DeviceProps = changed
		}
	}
	return p
}

// Renew is for a client that WhatsApp has found to be outdated: it reports
// whether another try can say a newer version.
func (c *Client) Renew(ctx context.Context) (bool, error) {
	used := store.GetWAVersion()
	if said := c.version.Load(); said != nil {
		used = *said
	}
	way := &c.socket
	if !c.Linked() {
		way = &c.login
	}
	return c.cfg.Version.renew(ctx, used, &http.Client{Transport: way})
}
