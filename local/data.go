package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"roost/shared/blob"
	"roost/shared/blob/folder"
	"roost/shared/deployment/cloud"
	"roost/shared/fleet"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
)

// data is the folder of one Roost, open.
type data struct {
	db      *sqlite.DB // nil on AWS
	table   table.Table
	queues  queue.Opener
	bucket  blob.Bucket
	blobs   *folder.Folder // the bucket, nil on AWS
	wrapper seal.Wrapper
	apiKey  string
	lock    *flock.Flock
}

// A process that holds a whole Roost locks the folder. Session hosts that it has
// started share a lock of their own: they may outlive it by a moment.
const (
	folderLock = "lock"
	hostsLock  = "hosts.lock"
	lockPause  = 20 * time.Millisecond
	hostsLimit = 5 * time.Second // for the hosts of a Roost that has died to notice
)

// openData opens the folder, and makes what is missing in it. baseURL is where
// signed URLs lead.
func openData(ctx context.Context, c config, baseURL string) (*data, error) {
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	d := &data{lock: flock.New(filepath.Join(c.data, folderLock))}
	locked, err := d.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("another Roost uses the folder %s", c.data)
	}
	if err := d.open(ctx, c, baseURL); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *data) open(ctx context.Context, c config, baseURL string) error {
	if err := awaitHosts(ctx, c.data); err != nil {
		return err
	}
	var err error
	if d.apiKey = c.apiKey; d.apiKey == "" {
		if d.apiKey, err = secretFile(filepath.Join(c.data, "admin.key")); err != nil {
			return err
		}
	}
	if err := d.openStores(ctx, c, baseURL); err != nil {
		return err
	}
	if d.db == nil {
		return nil // others may use what is on AWS
	}
	// Whoever held the folder before is dead, and with it what it was working on.
	if _, err := queuesqlite.New(d.db).Release(ctx); err != nil {
		return err
	}
	return fleet.NewRepository(d.table).EndAll(ctx)
}

// awaitHosts returns when no session host uses the folder.
func awaitHosts(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, hostsLimit)
	defer cancel()
	lock := flock.New(filepath.Join(dir, hostsLock))
	if ok, err := lock.TryLockContext(ctx, lockPause); !ok {
		return fmt.Errorf("session hosts use the folder %s: %w", dir, err)
	}
	return lock.Unlock()
}

// openStores opens what all processes of a Roost share.
func (d *data) openStores(ctx context.Context, c config, baseURL string) error {
	if c.storage == onAWS {
		there, err := cloud.OpenSealed(ctx, c.getenv, io.Discard)
		if err != nil {
			return fmt.Errorf("open what is on AWS: %w", err)
		}
		d.table, d.queues, d.bucket, d.wrapper = there.Table, there.Queues, there.Bucket, there.Wrapper
		return nil
	}
	dir := c.data
	var err error
	if d.wrapper, err = seal.FileKey(filepath.Join(dir, "master.key")); err != nil {
		return fmt.Errorf("open the master key: %w", err)
	}
	signing, err := secretFile(filepath.Join(dir, "url.key"))
	if err != nil {
		return err
	}
	blobs, err := folder.Open(filepath.Join(dir, "blobs"), folder.Options{Secret: []byte(signing), BaseURL: baseURL})
	if err != nil {
		return fmt.Errorf("open the blob folder: %w", err)
	}
	d.bucket, d.blobs = blobs, blobs
	if d.db, err = sqlite.Open(filepath.Join(dir, "roost.db"), sqlite.Options{}); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	d.table, d.queues = tablesqlite.New(d.db), queuesqlite.New(d.db)
	return nil
}

func (d *data) close() error {
	var err error
	if d.db != nil {
		err = d.db.Close()
	}
	return errors.Join(err, d.lock.Unlock())
}

// secretFile reads a secret, or makes it: 32 random bytes in hex, readable by
// the owner only.
func secretFile(path string) (string, error) {
	stored, err := os.ReadFile(path)
	if err == nil {
		if secret := strings.TrimSpace(string(stored)); len(secret) >= 32 {
			return secret, nil
		}
		return "", fmt.Errorf("%s holds no key of 32 characters or more", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	secret := hex.EncodeToString(b[:])
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return secret, nil
}
