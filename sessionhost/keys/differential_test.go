package keys_test

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
	_ "modernc.org/sqlite"

	"roost/sessionhost/keys"
	"roost/shared/seal"
	"roost/shared/table"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the differential test; 0 for a new one")

// The keys and whatsmeow's own store do the same random things and must give the
// same answers: also after a crash, and when next to nothing fits into memory.
func TestKeysAgreeWithSQLStore(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]keys.Options{
		"all in memory":   {},
		"next to nothing": keys.Options{Sessions: 3}.WithFacts(2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := *seedFlag
			if seed == 0 {
				seed = uint64(time.Now().UnixNano())
			}
			t.Logf("seed %d", seed)
			p := newPair(t, rand.New(rand.NewPCG(seed, 0)), options)
			for i := range 1000 {
				switch n := p.r.IntN(400); {
				case n == 0:
					p.close(t)
				case n < 4:
					p.crash(t)
				case n < 30:
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
		})
	}
}

// pair is a device in sqlstore and the same on the table.
type pair struct {
	r         *rand.Rand
	container *sqlstore.Container
	sql, own  *store.Device

	table   table.Table
	wrapper seal.Wrapper
	options keys.Options
	keys    *keys.Keys
	epoch   int64

	lastKey uint32
	version uint64
	events  int
	done    map[string]int
}

func newPair(t *testing.T, r *rand.Rand, options keys.Options) *pair {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // each connection would be a database of its own
	p := &pair{
		r: r, container: sqlstore.NewWithDB(db, "sqlite3", nil),
		table: newTable(t), wrapper: newWrapper(t), options: options, done: make(map[string]int),
	}
	if err := p.container.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.open(t)
	p.sql = p.container.NewDevice()
	if p.own.ID != nil {
		t.Fatal("a device that was never stored has a JID")
	}
	p.own.ID = &types.JID{User: "491510000001", Device: 7, Server: types.DefaultUserServer}
	p.own.LID = types.JID{User: "100000000001", Device: 7, Server: types.HiddenUserServer}
	p.own.FacebookUUID = uuid.New()
	p.own.Account = &waAdv.ADVSignedDeviceIdentity{
		Details: random.Bytes(20), AccountSignatureKey: random.Bytes(32),
		AccountSignature: random.Bytes(64), DeviceSignature: random.Bytes(64),
	}
	p.sql.NoiseKey, p.sql.IdentityKey, p.sql.SignedPreKey = p.own.NoiseKey, p.own.IdentityKey, p.own.SignedPreKey
	p.sql.RegistrationID, p.sql.AdvSecretKey = p.own.RegistrationID, p.own.AdvSecretKey
	p.sql.ID, p.sql.LID, p.sql.Account, p.sql.FacebookUUID = p.own.ID, p.own.LID, p.own.Account, p.own.FacebookUUID
	for _, d := range []*store.Device{p.sql, p.own} {
		if err := d.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *pair) open(t *testing.T) {
	t.Helper()
	if p.r.IntN(2) == 0 {
		p.epoch++
	}
	var err error
	if p.keys, err = keys.Open(t.Context(), p.table, someInstance, p.epoch, p.wrapper, p.options); err != nil {
		t.Fatal(err)
	}
	if p.own, err = p.keys.Device(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func anyOperation(operation) bool { return true }

// step does one operation on both sides.
func (p *pair) step(t *testing.T, sqlCtx, ownCtx context.Context, allowed func(operation) bool) {
	t.Helper()
	op := operations[p.r.IntN(len(operations))]
	for !allowed(op) {
		op = operations[p.r.IntN(len(operations))]
	}
	p.done[op.name]++
	do := op.prepare(p)
	want, wantErr := do(sqlCtx, p.sql)
	got, gotErr := do(ownCtx, p.own)
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
		ownErr := p.own.EventBuffer.DoDecryptionTxn(t.Context(), func(ownCtx context.Context) error {
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

// crash drops everything in memory right after a transaction, with which all
// that waited for one must have been written.
func (p *pair) crash(t *testing.T) {
	t.Helper()
	salt := blob(p.r, 16)
	for _, d := range []*store.Device{p.sql, p.own} {
		if err := d.NCTSalt.PutNCTSalt(t.Context(), salt); err != nil {
			t.Fatal(err)
		}
	}
	p.reopen(t)
}

func (p *pair) close(t *testing.T) {
	t.Helper()
	if err := p.keys.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.keys.GetNCTSalt(t.Context()); !errors.Is(err, keys.ErrClosed) {
		t.Fatalf("read after Close: %v", err)
	}
	p.reopen(t)
}

func (p *pair) reopen(t *testing.T) {
	t.Helper()
	p.open(t)
	var err error
	if p.sql, err = p.container.GetDevice(t.Context(), *p.sql.ID); err != nil {
		t.Fatal(err)
	}
	p.own.AdvSecretKey = p.sql.AdvSecretKey // sqlstore never changes it
	compare(t, "device", *p.sql, *p.own)
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
		t.Errorf("%s (-sqlstore +keys):\n%s", what, diff)
	}
}
