package seal

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// wrapPlace binds wrapped keys to their purpose.
var wrapPlace = []byte("roost data key")

// FileKey returns a Wrapper whose key-encryption key is in the file at path, as
// one line of base64. A missing file is made, readable by its owner only, with a
// random key; several processes may race for that. A file that others can read
// is refused. Losing the file loses everything sealed under it.
func FileKey(path string) (Wrapper, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(path); err != nil {
			return nil, fmt.Errorf("create key file: %w", err)
		}
		key, err = readKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	sealer, err := New(key)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return fileKey{sealer}, nil
}

type fileKey struct {
	sealer *Sealer
}

func (k fileKey) Wrap(_ context.Context, key []byte) ([]byte, error) {
	return k.sealer.Seal(key, wrapPlace), nil
}

func (k fileKey) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	return k.sealer.Open(wrapped, wrapPlace)
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o, want 0600)", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("%s is not %d bytes in base64", path, KeySize)
	}
	return key, nil
}

// createKey makes the whole file before it gets its name, so that nobody reads
// half a key and the first of several creators wins.
func createKey(path string) error {
	name := path + ".new-" + rand.Text()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(name) }()
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(NewKey()) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(name, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
