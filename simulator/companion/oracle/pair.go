// Package oracle holds a store of ours against whatsmeow's own sqlstore: both do
// the same random things and must give the same answers. It is for tests.
package oracle

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	_ "modernc.org/sqlite" // what sqlstore runs on
)

var seedFlag = flag.Uint64("seed", 0, "seed of the differential test; 0 for a new one")

// Pair is a device in sqlstore and the same in the store under test.
type Pair struct {
	SQL, Own *store.Device

	r          *rand.Rand
	container  *sqlstore.Container
	operations []operation
	done       map[string]int

	lastKey uint32
	version uint64
	events  int
}

// New gives own, a device that was never stored, an identity and stores it on
// both sides. without names operations that own does not serve as sqlstore does.
// The seed is printed; the flag -seed sets it.
func New(t *testing.T, own *store.Device, without ...string) *Pair {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	db, err := sql.Open("sqlite", ":memory:?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // each connection would be a database of its own
	p := &Pair{
		Own: own, container: sqlstore.NewWithDB(db, "sqlite3", nil), done: make(map[string]int),
		r: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // reproducible on purpose
		operations: slices.DeleteFunc(slices.Concat(deviceOperations, accountOperations), func(op operation) bool {
			return slices.Contains(without, op.name)
		}),
	}
	if err := p.container.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	if own.ID != nil {
		t.Fatal("a device that was never stored has a JID")
	}
	Link(own)
	p.SQL = p.container.NewDevice()
	p.SQL.NoiseKey, p.SQL.IdentityKey, p.SQL.SignedPreKey = own.NoiseKey, own.IdentityKey, own.SignedPreKey
	p.SQL.RegistrationID, p.SQL.AdvSecretKey = own.RegistrationID, own.AdvSecretKey
	p.SQL.ID, p.SQL.LID, p.SQL.Account, p.SQL.FacebookUUID = own.ID, own.LID, own.Account, own.FacebookUUID
	p.Both(t, func(d *store.Device) error { return d.Save(t.Context()) })
	return p
}

// Link makes a new device look like one that was linked to a phone.
func Link(d *store.Device) {
	d.ID = &types.JID{User: "491510000001", Device: 7, Server: types.DefaultUserServer}
	d.LID = types.JID{User: "100000000001", Device: 7, Server: types.HiddenUserServer}
	d.FacebookUUID = uuid.New()
	d.Account = &waAdv.ADVSignedDeviceIdentity{
		Details: random.Bytes(20), AccountSignatureKey: random.Bytes(32),
		AccountSignature: random.Bytes(64), DeviceSignature: random.Bytes(64),
	}
}

// Chance is true once in n times.
func (p *Pair) Chance(n int) bool { return p.r.IntN(n) == 0 }

// Both does the same on both sides, where it must succeed.
func (p *Pair) Both(t *testing.T, do func(*store.Device) error) {
	t.Helper()
	for _, d := range []*store.Device{p.SQL, p.Own} {
		if err := do(d); err != nil {
			t.Fatal(err)
		}
	}
}

// Step does one operation on both sides.
func (p *Pair) Step(t *testing.T) {
	t.Helper()
	p.step(t, t.Context(), t.Context(), func(operation) bool { return true })
}

func (p *Pair) step(t *testing.T, sqlCtx, ownCtx context.Context, allowed func(operation) bool) {
	t.Helper()
	op := p.operations[p.r.IntN(len(p.operations))]
	for !allowed(op) {
		op = p.operations[p.r.IntN(len(p.operations))]
	}
	p.done[op.name]++
	do := op.prepare(p)
	want, wantErr := do(sqlCtx, p.SQL)
	got, gotErr := do(ownCtx, p.Own)
	if (gotErr == nil) != (wantErr == nil) {
		t.Errorf("%s: error %v, sqlstore %v", op.name, gotErr, wantErr)
	}
	if wantErr == nil {
		compare(t, op.name, want, got)
	}
}

// Transaction does a few operations in one, and may give them up.
func (p *Pair) Transaction(t *testing.T) {
	t.Helper()
	giveUp := errors.New("give up")
	if p.Chance(2) {
		giveUp = nil
	}
	sqlErr := p.SQL.EventBuffer.DoDecryptionTxn(t.Context(), func(sqlCtx context.Context) error {
		ownErr := p.Own.EventBuffer.DoDecryptionTxn(t.Context(), func(ownCtx context.Context) error {
			for range p.r.IntN(12) {
				p.step(t, sqlCtx, ownCtx, func(op operation) bool { return op.transactional })
			}
			return giveUp
		})
		if !errors.Is(ownErr, giveUp) {
			t.Errorf("transaction: error %v, want %v", ownErr, giveUp)
		}
		return giveUp
	})
	if !errors.Is(sqlErr, giveUp) {
		t.Errorf("sqlstore transaction: error %v, want %v", sqlErr, giveUp)
	}
}

// Reopen goes on with own, which a new process has loaded, and with what a new
// process loads of sqlstore.
func (p *Pair) Reopen(t *testing.T, own *store.Device) {
	t.Helper()
	var err error
	if p.SQL, err = p.container.GetDevice(t.Context(), *p.SQL.ID); err != nil {
		t.Fatal(err)
	}
	p.Own = own
	own.AdvSecretKey = p.SQL.AdvSecretKey // sqlstore never changes it
	compare(t, "device", *p.SQL, *own)
}

// CheckAllDone fails the test when an operation never had its turn.
func (p *Pair) CheckAllDone(t *testing.T) {
	t.Helper()
	for _, op := range p.operations {
		if p.done[op.name] == 0 {
			t.Errorf("%s was never done", op.name)
		}
	}
}

func compare(t *testing.T, what string, want, got any) {
	t.Helper()
	options := cmp.Options{
		cmpopts.EquateEmpty(),
		cmpopts.IgnoreUnexported(waAdv.ADVSignedDeviceIdentity{}),
		cmpopts.IgnoreFields(store.Device{}, "Log", "Container", "Identities", "Sessions", "PreKeys", "SenderKeys",
			"AppStateKeys", "AppState", "Contacts", "ChatSettings", "MsgSecrets", "PrivacyTokens", "NCTSalt",
			"EventBuffer", "LIDs"),
	}
	if diff := cmp.Diff(want, got, options); diff != "" {
		t.Errorf("%s (-sqlstore +own):\n%s", what, diff)
	}
}
