package companion

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"math/rand/v2"
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
	"go.mau.fi/whatsmeow/util/keys"
	_ "modernc.org/sqlite"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the differential test; 0 for a new one")

// The two stores do the same random things and must give the same answers.
func TestStoreAgreesWithSQLStore(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	p := newPair(t, rand.New(rand.NewPCG(seed, 0)))
	for i := range 6000 {
		switch n := p.r.IntN(200); {
		case n == 0:
			p.reopen(t)
		case n < 10:
			p.transaction(t)
		default:
			p.step(t, t.Context(), t.Context(), anyOperation)
		}
		if t.Failed() {
			t.Fatalf("after %d operations", i+1)
		}
	}
	for _, op := range operations {
		if p.done[op.name] == 0 {
			t.Errorf("%s was never done", op.name)
		}
	}
}

// pair is a device in sqlstore and the same in a Store.
type pair struct {
	r        *rand.Rand
	db       *sql.DB
	sql, mem *store.Device
	store    *Store
	lastKey  uint32
	done     map[string]int
}

func newPair(t *testing.T, r *rand.Rand) *pair {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // each connection would be a database of its own
	container := sqlstore.NewWithDB(db, "sqlite3", nil)
	if err := container.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := &pair{r: r, db: db, sql: container.NewDevice(), store: new(Store), done: make(map[string]int)}
	p.mem = pairedDevice(p.store)
	p.sql.NoiseKey, p.sql.IdentityKey, p.sql.SignedPreKey = p.mem.NoiseKey, p.mem.IdentityKey, p.mem.SignedPreKey
	p.sql.RegistrationID, p.sql.AdvSecretKey = p.mem.RegistrationID, p.mem.AdvSecretKey
	p.sql.ID, p.sql.LID, p.sql.Account, p.sql.FacebookUUID = p.mem.ID, p.mem.LID, p.mem.Account, p.mem.FacebookUUID
	for _, d := range []*store.Device{p.sql, p.mem} {
		if err := d.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func pairedDevice(st *Store) *store.Device {
	d := NewDevice(st)
	d.ID = &types.JID{User: "491510000001", Device: 7, Server: types.DefaultUserServer}
	d.LID = types.JID{User: "100000000001", Device: 7, Server: types.HiddenUserServer}
	d.FacebookUUID = uuid.New()
	d.Account = &waAdv.ADVSignedDeviceIdentity{
		Details: random.Bytes(20), AccountSignatureKey: random.Bytes(32),
		AccountSignature: random.Bytes(64), DeviceSignature: random.Bytes(64),
	}
	return d
}

func anyOperation(operation) bool { return true }

// step does one operation on both sides.
func (p *pair) step(t *testing.T, sqlCtx, memCtx context.Context, allowed func(operation) bool) {
	t.Helper()
	op := operations[p.r.IntN(len(operations))]
	for !allowed(op) {
		op = operations[p.r.IntN(len(operations))]
	}
	p.done[op.name]++
	do := op.prepare(p)
	want, wantErr := do(sqlCtx, p.sql)
	got, gotErr := do(memCtx, p.mem)
	if (gotErr == nil) != (wantErr == nil) {
		t.Errorf("%s: error %v, sqlstore %v", op.name, gotErr, wantErr)
	}
	if wantErr == nil {
		compare(t, op.name, want, got)
	}
}

// transaction does a few operations in one, and may give them up.
func (p *pair) transaction(t *testing.T) {
	t.Helper()
	giveUp := errors.New("give up")
	if p.r.IntN(2) == 0 {
		giveUp = nil
	}
	sqlErr := p.sql.EventBuffer.DoDecryptionTxn(t.Context(), func(sqlCtx context.Context) error {
		memErr := p.mem.EventBuffer.DoDecryptionTxn(t.Context(), func(memCtx context.Context) error {
			for range p.r.IntN(12) {
				p.step(t, sqlCtx, memCtx, func(op operation) bool { return op.transactional })
			}
			return giveUp
		})
		if !errors.Is(memErr, giveUp) {
			t.Errorf("transaction: error %v, want %v", memErr, giveUp)
		}
		return giveUp
	})
	if !errors.Is(sqlErr, giveUp) {
		t.Errorf("sqlstore transaction: error %v, want %v", sqlErr, giveUp)
	}
}

// reopen puts a new process in the place of both.
func (p *pair) reopen(t *testing.T) {
	t.Helper()
	var err error
	if p.sql, err = sqlstore.NewWithDB(p.db, "sqlite3", nil).GetDevice(t.Context(), *p.sql.ID); err != nil {
		t.Fatal(err)
	}
	p.store = p.store.Clone()
	p.mem = p.store.Device()
	compare(t, "reopened device", p.sql, p.mem)
}

func compare(t *testing.T, what string, want, got any) {
	t.Helper()
	diff := cmp.Diff(want, got,
		cmp.Comparer(func(a, b *keys.KeyPair) bool { return *a.Priv == *b.Priv && *a.Pub == *b.Pub }),
		cmpopts.IgnoreFields(store.BufferedEvent{}, "InsertTime"),
		cmpopts.IgnoreFields(store.Device{}, "Log", "Identities", "Sessions", "PreKeys", "SenderKeys", "AppStateKeys",
			"AppState", "Contacts", "ChatSettings", "MsgSecrets", "PrivacyTokens", "NCTSalt", "EventBuffer", "LIDs", "Container"),
		cmpopts.IgnoreUnexported(waAdv.ADVSignedDeviceIdentity{}),
		cmpopts.EquateApproxTime(0),
	)
	if diff != "" {
		t.Errorf("%s: (-sqlstore +Store)\n%s", what, diff)
	}
}
