package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"roost/shared/seal"
)

func TestSealOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	key := seal.NewKey()
	sealer := newSealer(t, key)
	value, place := []byte("a secret"), []byte("here")
	sealed := sealer.Seal(value, place)
	if len(sealed) != len(value)+seal.Overhead {
		t.Errorf("sealed to %d bytes, want %d", len(sealed), len(value)+seal.Overhead)
	}
	if bytes.Contains(sealed, value) {
		t.Error("the sealed value shows its content")
	}
	if bytes.Equal(sealed, sealer.Seal(value, place)) {
		t.Error("sealing twice gave the same bytes")
	}
	opened, err := sealer.Open(sealed, place)
	if err != nil || !bytes.Equal(opened, value) {
		t.Fatalf("Open = %q, %v", opened, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"other place": func() ([]byte, error) { return sealer.Open(sealed, []byte("there")) },
		"other key":   func() ([]byte, error) { return newSealer(t, seal.NewKey()).Open(sealed, place) },
		"short":       func() ([]byte, error) { return sealer.Open(sealed[:5], place) },
		"empty":       func() ([]byte, error) { return sealer.Open(nil, place) },
		"flipped": func() ([]byte, error) {
			changed := bytes.Clone(sealed)
			changed[len(changed)-1] ^= 1
			return sealer.Open(changed, place)
		},
	} {
		if got, err := open(); !errors.Is(err, seal.ErrSealed) || got != nil {
			t.Errorf("%s: %q, %v, want ErrSealed", name, got, err)
		}
	}
	if _, err := seal.New(key[1:]); err == nil {
		t.Error("a short key was taken")
	}
}

func TestFileKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	wrapped := make([][]byte, 8)
	data := seal.NewKey()
	var group sync.WaitGroup
	for i := range wrapped {
		group.Go(func() {
			wrapper, err := seal.FileKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			wrapped[i], err = wrapper.Wrap(t.Context(), data)
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	wrapper, err := seal.FileKey(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrapped {
		if got, err := wrapper.Unwrap(t.Context(), w); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("Unwrap: %v", err)
		}
	}
	if _, err := wrapper.Unwrap(t.Context(), data); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("Unwrap of what was not wrapped: %v", err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files are left, %v", len(files), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.FileKey(path); err == nil {
		t.Error("a key that others can read was taken")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.FileKey(path); err == nil {
		t.Error("a damaged key file was taken")
	}
}

func newSealer(t *testing.T, key []byte) *seal.Sealer {
	t.Helper()
	sealer, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}
