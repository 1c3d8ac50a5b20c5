package simulator

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/signal"
)

// ErrBadNumber is returned for a phone number that is not 7 to 15 digits
// without a leading zero.
var ErrBadNumber = errors.New("a phone number is 7 to 15 digits in international form, without + and leading zeros")

// User is a WhatsApp account with its phone. The phone is Signal device 0 of
// the account and always online; companions (the clients under test) and
// further simulated devices have other numbers.
type User struct {
	sim  *Simulator
	pn   types.JID
	lid  types.JID
	home *handset // device 0

	phone, contact atomic.Bool // made as one; both may be

	mu         sync.Mutex
	name       string
	devices    map[uint16]*device
	nextDevice uint16
	watchers   map[*device]struct{} // who asked for the device list and is told of changes
	inbox      inbox
	sent       sentMessages
	keys       passkeys
	profile    profile
	settings   settings
}

// Phone returns the account of number, made if it is new: the one whose
// companion is under test. Name is its push name. Companions get it through
// app state.
func (s *Simulator) Phone(number, name string) (*User, error) {
	u, err := s.user(number, name)
	if err == nil {
		u.phone.Store(true)
	}
	return u, err
}

// Contact returns the account of number, made if it is new: somebody the
// account under test talks to.
func (s *Simulator) Contact(number, name string) (*User, error) {
	u, err := s.user(number, name)
	if err == nil {
		u.contact.Store(true)
	}
	return u, err
}

// Lookup returns the account with this phone number or LID user part, nil when
// there is none.
func (s *Simulator) Lookup(number string) *User {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.users[number]
}

func (s *Simulator) user(number, name string) (*User, error) {
	number = strings.TrimPrefix(number, "+")
	if err := checkNumber(number); err != nil {
		return nil, err
	}
	if u := s.Lookup(number); u != nil {
		return u, nil
	}
	u := &User{
		sim:        s,
		pn:         types.NewJID(number, types.DefaultUserServer),
		lid:        types.NewJID(lidFor(number), types.HiddenUserServer),
		name:       name,
		devices:    map[uint16]*device{},
		nextDevice: 1,
		watchers:   map[*device]struct{}{},
	}
	u.home = u.addHandset(0, signal.New())
	u.settings.init(u)
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.users[number]; other != nil {
		return other, nil
	}
	s.users[u.pn.User] = u
	s.users[u.lid.User] = u
	return u, nil
}

func checkNumber(number string) error {
	if len(number) < 7 || len(number) > 15 || number[0] == '0' {
		return fmt.Errorf("%q: %w", number, ErrBadNumber)
	}
	for _, c := range []byte(number) {
		if c < '0' || c > '9' {
			return fmt.Errorf("%q: %w", number, ErrBadNumber)
		}
	}
	return nil
}

// lidFor makes the LID of a number: 15 digits that are not a phone number, the
// same for the same number, so that a test can name it beforehand.
func lidFor(number string) string {
	var h uint64 = 14695981039346656037 // FNV-1a
	for _, c := range []byte(number) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return strconv.FormatUint(100_000_000_000_000+h%900_000_000_000_000, 10)
}

// Number is the phone number, digits only.
func (u *User) Number() string { return u.pn.User }

// PN is the account's phone number JID.
func (u *User) PN() types.JID { return u.pn }

// LID is the account's hidden identity, which WhatsApp addresses people by.
func (u *User) LID() types.JID { return u.lid }

// Name is the push name.
func (u *User) Name() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.name
}

// Companions lists the phone number JIDs of the linked companions.
func (u *User) Companions() []types.JID {
	var out []types.JID
	for _, d := range u.companions() {
		out = append(out, d.pn())
	}
	return out
}

// Online counts the linked companions that are logged in now.
func (u *User) Online() int {
	n := 0
	for _, d := range u.companions() {
		if d.online() != nil {
			n++
		}
	}
	return n
}

// AddDevice gives a contact one more simulated device, which every message to
// them must be encrypted for as well.
func (u *User) AddDevice() {
	u.mu.Lock()
	id := u.takeDeviceID()
	u.mu.Unlock()
	h := u.addHandset(id, signal.New())
	u.announceDevice("add", h.device)
}

// Reinstall makes the phone forget its keys and take a new identity, as after
// a reinstallation: sessions with it are void.
func (u *User) Reinstall() {
	u.home.reinstall()
	u.announceIdentity()
}

func (u *User) takeDeviceID() uint16 {
	for range 98 {
		id := u.nextDevice
		u.nextDevice++
		if u.nextDevice > 99 { // device numbers travel in 8 bits
			u.nextDevice = 1
		}
		if u.devices[id] == nil {
			return id
		}
	}
	return 99
}

// listDevices returns all devices, the phone first, in order of their number.
func (u *User) listDevices() []*device {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]*device, 0, len(u.devices))
	for id := range uint16(100) {
		if d := u.devices[id]; d != nil {
			out = append(out, d)
		}
		if len(out) == len(u.devices) {
			break
		}
	}
	return out
}

// companions returns the devices that real clients run.
func (u *User) companions() []*device {
	var out []*device
	for _, d := range u.listDevices() {
		if d.handset == nil {
			out = append(out, d)
		}
	}
	return out
}

func (u *User) device(id uint16) *device {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.devices[id]
}

// findUser returns the account that a JID of any kind names.
func (s *Simulator) findUser(j types.JID) *User {
	if j.Server != types.DefaultUserServer && j.Server != types.HiddenUserServer && j.Server != types.LegacyUserServer {
		return nil
	}
	return s.Lookup(j.User)
}

// findDevice returns the device that a phone number or LID JID names.
func (s *Simulator) findDevice(j types.JID) *device {
	u := s.findUser(j)
	if u == nil {
		return nil
	}
	return u.device(j.Device)
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }
