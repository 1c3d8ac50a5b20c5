package linking_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/util/keys"

	"roost/simulator/linking"
)

func TestNormalizeCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ABCD1234":    "ABCD1234",
		"abcd-1234":   "ABCD1234",
		" ZYXW-9876 ": "ZYXW9876",
	} {
		got, err := linking.NormalizeCode(text)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "ABCD123", "ABCD12345", "ABC-D1234", "ABCD--123", "ABCD-123", "ABCD0123", "ABCDO123", "ABCDI123", "ABCDU123", "ÄBCD123"} {
		if got, err := linking.NormalizeCode(text); !errors.Is(err, linking.ErrNotCode) {
			t.Errorf("%q: %q, %v, want ErrNotCode", text, got, err)
		}
	}
}

func TestCodeExchange(t *testing.T) {
	t.Parallel()
	c, account := newCompanion(), keys.NewKeyPair()
	hello := c.hello()
	before := bytes.Clone(hello)
	x, err := linking.AnswerCode(strings.ToLower(c.code[:4]+"-"+c.code[4:]), hello, account)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, hello) {
		t.Error("the companion's hello was written to")
	}
	bundle := c.finish(t, x.PrimaryHello(), *account.Pub)
	secret, err := x.Finish(bundle, c.identity.Pub[:])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.advSecret, secret); diff != "" {
		t.Errorf("secret (-companion +phone):\n%s", diff)
	}

	other := keys.NewKeyPair()
	for name, err := range map[string]error{
		"other identity": second(x.Finish(bundle, other.Pub[:])),
		"other account":  second(x.Finish(c.finish(t, x.PrimaryHello(), *other.Pub), c.identity.Pub[:])),
		"short bundle":   second(x.Finish(bundle[1:], c.identity.Pub[:])),
		"no identity":    second(x.Finish(bundle, nil)),
	} {
		if !errors.Is(err, linking.ErrBadExchange) {
			t.Errorf("%s: %v, want ErrBadExchange", name, err)
		}
	}
	bundle[60] ^= 1
	if _, err := x.Finish(bundle, c.identity.Pub[:]); !errors.Is(err, linking.ErrWrongCode) {
		t.Errorf("changed bundle: %v, want ErrWrongCode", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWrongCodeShowsInFinish(t *testing.T) {
	t.Parallel()
	c, account := newCompanion(), keys.NewKeyPair()
	hello := c.hello()
	wrong := "11111111"
	x, err := linking.AnswerCode(wrong, hello, account)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Finish(c.finish(t, x.PrimaryHello(), *account.Pub), c.identity.Pub[:]); !errors.Is(err, linking.ErrWrongCode) {
		t.Errorf("got %v, want ErrWrongCode", err)
	}
	for _, n := range []int{0, 79, 81} {
		if _, err := linking.AnswerCode(wrong, make([]byte, n), account); !errors.Is(err, linking.ErrBadExchange) {
			t.Errorf("hello of %d bytes: %v, want ErrBadExchange", n, err)
		}
	}
}

func FuzzNormalizeCode(f *testing.F) {
	f.Add("ABCD-1234")
	f.Fuzz(func(t *testing.T, text string) {
		code, err := linking.NormalizeCode(text)
		if err != nil {
			return
		}
		if again, err := linking.NormalizeCode(code[:4] + "-" + code[4:]); err != nil || again != code {
			t.Fatalf("%q becomes %q, %v", code, again, err)
		}
	})
}

func FuzzFinish(f *testing.F) {
	c, account := newCompanion(), keys.NewKeyPair()
	hello := c.hello()
	x, err := linking.AnswerCode(c.code, hello, account)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(make([]byte, 156), c.identity.Pub[:])
	f.Fuzz(func(t *testing.T, bundle, identity []byte) {
		if _, err := x.Finish(bundle, identity); err == nil {
			t.Fatal("it finished")
		}
	})
}

func BenchmarkAnswerCode(b *testing.B) {
	c, account := newCompanion(), keys.NewKeyPair()
	hello := c.hello()
	for b.Loop() {
		if _, err := linking.AnswerCode(c.code, hello, account); err != nil {
			b.Fatal(err)
		}
	}
}
