package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

func TestAdminKey(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	getenv := func(name string) string { return env[name] }
	if _, err := adminKey(getenv); err == nil || !strings.Contains(err.Error(), "ROOST_ADMIN_KEY") {
		t.Errorf("without a key: %v", err)
	}
	sum := sha256.Sum256([]byte("key"))
	env["ROOST_ADMIN_KEY"] = "key"
	if got, err := adminKey(getenv); err != nil || !bytes.Equal(got, sum[:]) {
		t.Errorf("of a key: %x, %v", got, err)
	}
	env["ROOST_ADMIN_KEY_SHA256"] = "zz"
	if _, err := adminKey(getenv); err == nil || !strings.Contains(err.Error(), "no SHA-256") {
		t.Errorf("with an odd digest: %v", err)
	}
	sum = sha256.Sum256([]byte("another"))
	env["ROOST_ADMIN_KEY_SHA256"] = hex.EncodeToString(sum[:])
	if got, err := adminKey(getenv); err != nil || !bytes.Equal(got, sum[:]) {
		t.Errorf("of a digest: %x, %v", got, err)
	}
}
