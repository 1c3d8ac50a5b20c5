package oracle

import (
	"errors"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/util/keys"
)

// deviceOperations are about the device, its keys and its app state.
var deviceOperations = []operation{
	{"Save", false, func(p *Pair) call {
		push, platform, nonce, ts := name(p.r), name(p.r), name(p.r), p.r.Int64N(1e9)
		secret := blob(p.r, 32)
		return nothing(func(c ctx, d device) error {
			old := d.AdvSecretKey
			d.PushName, d.Platform, d.CompanionMetaNonce, d.LIDMigrationTimestamp, d.AdvSecretKey = push, platform, nonce, ts, secret
			defer func() { d.AdvSecretKey = old }()
			return d.Save(c)
		})
	}},

	{"PutIdentity", true, func(p *Pair) call {
		a, k := address(p.r), key32(p.r)
		return nothing(func(c ctx, d device) error { return d.Identities.PutIdentity(c, a, k) })
	}},
	{"IsTrustedIdentity", true, func(p *Pair) call {
		a, k := address(p.r), key32(p.r)
		return one1(func(c ctx, d device) (bool, error) { return d.Identities.IsTrustedIdentity(c, a, k) })
	}},
	{"DeleteIdentity", true, func(p *Pair) call {
		a := address(p.r)
		return nothing(func(c ctx, d device) error { return d.Identities.DeleteIdentity(c, a) })
	}},
	{"DeleteAllIdentities", true, func(p *Pair) call {
		return p.bothForms(func(c ctx, d device, user string) error { return d.Identities.DeleteAllIdentities(c, user) })
	}},

	{"GetSession", true, func(p *Pair) call {
		a := address(p.r)
		return one1(func(c ctx, d device) ([]byte, error) { return d.Sessions.GetSession(c, a) })
	}},
	{"HasSession", true, func(p *Pair) call {
		a := address(p.r)
		return one1(func(c ctx, d device) (bool, error) { return d.Sessions.HasSession(c, a) })
	}},
	{"GetManySessions", true, func(p *Pair) call {
		var as []string
		for range p.r.IntN(5) {
			as = append(as, address(p.r))
		}
		return one1(func(c ctx, d device) (map[string][]byte, error) { return d.Sessions.GetManySessions(c, as) })
	}},
	{"PutSession", true, func(p *Pair) call {
		a, b := address(p.r), blob(p.r, 40)
		return nothing(func(c ctx, d device) error { return d.Sessions.PutSession(c, a, b) })
	}},
	{"PutManySessions", true, func(p *Pair) call {
		m := make(map[string][]byte)
		for range p.r.IntN(5) {
			m[address(p.r)] = blob(p.r, 40)
		}
		return nothing(func(c ctx, d device) error { return d.Sessions.PutManySessions(c, m) })
	}},
	{"DeleteSession", true, func(p *Pair) call {
		a := address(p.r)
		return nothing(func(c ctx, d device) error { return d.Sessions.DeleteSession(c, a) })
	}},
	{"DeleteAllSessions", true, func(p *Pair) call {
		return p.bothForms(func(c ctx, d device, user string) error { return d.Sessions.DeleteAllSessions(c, user) })
	}},
	{"MigratePNToLID", false, func(p *Pair) call {
		from, to := pn(p.r), lid(p.r)
		return nothing(func(c ctx, d device) error {
			if d == p.SQL {
				// A store that has moved a number does not look at it again.
				return sqlstore.NewSQLStore(p.container, *d.ID).MigratePNToLID(c, from, to)
			}
			return d.Sessions.MigratePNToLID(c, from, to)
		})
	}},

	{"MigratePNToLID, once in its life", false, func(p *Pair) call {
		from, to := pn(p.r), lid(p.r)
		return nothing(func(c ctx, d device) error { return d.Sessions.MigratePNToLID(c, from, to) })
	}},

	{"GetOrGenPreKeys", false, func(p *Pair) call {
		n := uint32(p.r.IntN(8))
		return one1(func(c ctx, d device) ([]uint32, error) {
			found, err := d.PreKeys.GetOrGenPreKeys(c, n)
			p.made(found)
			return ids(found), err
		})
	}},
	{"GenOnePreKey", false, func(p *Pair) call {
		return one1(func(c ctx, d device) ([]uint32, error) {
			found, err := d.PreKeys.GenOnePreKey(c)
			p.made([]*keys.PreKey{found})
			return ids([]*keys.PreKey{found}), err
		})
	}},
	{"GetPreKey", true, func(p *Pair) call {
		id := uint32(p.r.IntN(int(p.lastKey) + 2))
		return one1(func(c ctx, d device) ([]uint32, error) {
			found, err := d.PreKeys.GetPreKey(c, id)
			return ids([]*keys.PreKey{found}), err
		})
	}},
	{"RemovePreKey", true, func(p *Pair) call {
		id := uint32(p.r.IntN(int(max(p.lastKey, 1)))) // never the highest: sqlstore uses its id again
		return nothing(func(c ctx, d device) error { return d.PreKeys.RemovePreKey(c, id) })
	}},
	{"MarkPreKeysAsUploaded", true, func(p *Pair) call {
		id := uint32(p.r.IntN(int(p.lastKey) + 2))
		return nothing(func(c ctx, d device) error { return d.PreKeys.MarkPreKeysAsUploaded(c, id) })
	}},
	{"UploadedPreKeyCount", true, func(*Pair) call {
		return one1(func(c ctx, d device) (int, error) { return d.PreKeys.UploadedPreKeyCount(c) })
	}},

	{"PutSenderKey", true, func(p *Pair) call {
		g, a, b := group(p.r), address(p.r), blob(p.r, 40)
		return nothing(func(c ctx, d device) error { return d.SenderKeys.PutSenderKey(c, g, a, b) })
	}},
	{"GetSenderKey", true, func(p *Pair) call {
		g, a := group(p.r), address(p.r)
		return one1(func(c ctx, d device) ([]byte, error) { return d.SenderKeys.GetSenderKey(c, g, a) })
	}},

	{"PutAppStateSyncKey", true, func(p *Pair) call {
		id, k := blob(p.r, 1), store.AppStateSyncKey{Data: blob(p.r, 32), Fingerprint: blob(p.r, 4), Timestamp: p.r.Int64N(1e15)}
		id[0] %= 8
		return nothing(func(c ctx, d device) error { return d.AppStateKeys.PutAppStateSyncKey(c, id, k) })
	}},
	{"GetAppStateSyncKey", true, func(p *Pair) call {
		id := []byte{byte(p.r.IntN(8))}
		return one1(func(c ctx, d device) (*store.AppStateSyncKey, error) { return d.AppStateKeys.GetAppStateSyncKey(c, id) })
	}},
	{"GetLatestAppStateSyncKeyID", true, func(*Pair) call {
		return one1(func(c ctx, d device) ([]byte, error) { return d.AppStateKeys.GetLatestAppStateSyncKeyID(c) })
	}},
	{"GetAllAppStateSyncKeys", true, func(*Pair) call {
		return one1(func(c ctx, d device) ([]*store.AppStateSyncKey, error) {
			return d.AppStateKeys.GetAllAppStateSyncKeys(c)
		})
	}},
	{"PutAppStateVersion", true, func(p *Pair) call {
		n, v, h := collection(p.r), p.r.Uint64N(4), [128]byte(blob(p.r, 128))
		return nothing(func(c ctx, d device) error { return d.AppState.PutAppStateVersion(c, n, v, h) })
	}},
	{"GetAppStateVersion", true, func(p *Pair) call {
		n := collection(p.r)
		return func(c ctx, d device) (any, error) {
			v, h, err := d.AppState.GetAppStateVersion(c, n)
			return appStateResult{v, h}, err
		}
	}},
	{"DeleteAppStateVersion", false, // two of them are too many for a transaction
		func(p *Pair) call {
			n := collection(p.r)
			return nothing(func(c ctx, d device) error { return d.AppState.DeleteAppStateVersion(c, n) })
		}},
	{"PutAppStateMutationMACs", true, func(p *Pair) call {
		n, h := collection(p.r), [128]byte(blob(p.r, 128))
		p.version++ // sqlstore takes a version of an index once, and only of a known collection
		v := p.version
		unique := make(map[[32]byte]bool)
		var ms []store.AppStateMutationMAC
		for range p.r.IntN(4) {
			if index := key32(p.r); !unique[index] {
				unique[index] = true
				ms = append(ms, store.AppStateMutationMAC{IndexMAC: index[:], ValueMAC: blob(p.r, 32)})
			}
		}
		return nothing(func(c ctx, d device) error {
			if err := d.AppState.PutAppStateVersion(c, n, v, h); err != nil {
				return err
			}
			return d.AppState.PutAppStateMutationMACs(c, n, v, ms)
		})
	}},
	{"DeleteAppStateMutationMACs", true, func(p *Pair) call {
		n := collection(p.r)
		var is [][]byte
		for range p.r.IntN(3) {
			index := key32(p.r)
			is = append(is, index[:])
		}
		return nothing(func(c ctx, d device) error { return d.AppState.DeleteAppStateMutationMACs(c, n, is) })
	}},
	{"GetAppStateMutationMAC", true, func(p *Pair) call {
		n, index := collection(p.r), key32(p.r)
		return one1(func(c ctx, d device) ([]byte, error) { return d.AppState.GetAppStateMutationMAC(c, n, index[:]) })
	}},
}

type appStateResult struct {
	Version uint64
	Hash    [128]byte
}

// made notes the highest id that both sides have given out.
func (p *Pair) made(found []*keys.PreKey) {
	for _, k := range found {
		if k != nil {
			p.lastKey = max(p.lastKey, k.KeyID)
		}
	}
}

// bothForms passes a bare user, as whatsmeow does also for a LID, which
// sqlstore must be told itself.
func (p *Pair) bothForms(remove func(ctx, device, string) error) call {
	j := person(p.r)
	if p.r.IntN(3) == 0 {
		return nothing(func(c ctx, d device) error { return remove(c, d, j.SignalAddressUser()) })
	}
	return nothing(func(c ctx, d device) error {
		err := remove(c, d, j.User)
		if d == p.SQL {
			err = errors.Join(err, remove(c, d, j.User+"_1"))
		}
		return err
	})
}
