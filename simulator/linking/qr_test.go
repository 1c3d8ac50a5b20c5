package linking_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"

	"roost/simulator/linking"
)

func TestParseQROfWhatsmeow(t *testing.T) {
	t.Parallel()
	cli := newClient()
	text := cli.DangerousInternals().MakeQRData([]byte("2@ref/with+signs=="), whatsmeow.PairClientChrome)
	want := linking.QR{
		Ref:        "2@ref/with+signs==",
		Noise:      *cli.Store.NoiseKey.Pub,
		Identity:   *cli.Store.IdentityKey.Pub,
		ADVSecret:  cli.Store.AdvSecretKey,
		ClientType: "1",
	}
	for name, text := range map[string]string{
		"whole": text,
		"bare":  text[strings.Index(text, "#")+1:],
		"space": "  " + text + "\n",
	} {
		got, err := linking.ParseQR(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.String() != cli.DangerousInternals().MakeQRData([]byte(want.Ref), "1") {
			t.Errorf("%s: String gives %s", name, got)
		}
	}
}

func TestParseQRRefuses(t *testing.T) {
	t.Parallel()
	good := linking.QR{Ref: "r", ADVSecret: make([]byte, 32), ClientType: "1"}.String()
	key := strings.Repeat("A", 43) + "="
	for name, text := range map[string]string{
		"empty":        "",
		"a web page":   "https://example.org/",
		"four parts":   good[:strings.LastIndex(good, ",")],
		"six parts":    good + ",x",
		"no ref":       strings.Replace(good, "#r,", "#,", 1),
		"no type":      good[:len(good)-1],
		"short key":    strings.Replace(good, key, "AAAA", 1),
		"url base64":   strings.Replace(good, "AAA", "A_-", 1),
		"loose base64": strings.Replace(good, "AAA=", "AAB=", 1),
	} {
		if _, err := linking.ParseQR(text); !errors.Is(err, linking.ErrNotLinkingCode) {
			t.Errorf("%s: %v, want ErrNotLinkingCode", name, err)
		}
	}
}

func FuzzParseQR(f *testing.F) {
	f.Add(linking.QR{Ref: "r", ADVSecret: make([]byte, 32), ClientType: "1"}.String())
	f.Add("r,,,,")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := linking.ParseQR(text)
		if err != nil {
			return
		}
		again, err := linking.ParseQR(q.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(q, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
