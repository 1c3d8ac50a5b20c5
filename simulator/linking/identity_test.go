package linking_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	"roost/simulator/linking"
	"roost/simulator/signal"
)

var at = time.Unix(1_790_000_000, 0)

// newClient is an unpaired whatsmeow client whose store forgets everything.
func newClient() *whatsmeow.Client {
	none := new(store.NoopStore)
	device := &store.Device{
		NoiseKey: keys.NewKeyPair(), IdentityKey: keys.NewKeyPair(), AdvSecretKey: random(32), Container: none, LIDs: none,
	}
	device.SetAllStores(none)
	return whatsmeow.NewClient(device, nil)
}

// pair gives a whatsmeow client the content of pair-success. It has no
// connection to reply on, so ErrNotConnected is the best result.
func pair(ctx context.Context, cli *whatsmeow.Client, container []byte) error {
	pn := types.JID{User: "15550001", Server: types.DefaultUserServer, Device: 5}
	lid := types.JID{User: "90001", Server: types.HiddenUserServer, Device: 5}
	return cli.DangerousInternals().HandlePair(ctx, container, "id", "", "android", pn, lid)
}

func TestWhatsmeowAcceptsIdentity(t *testing.T) {
	t.Parallel()
	cli, account := newClient(), keys.NewKeyPair()
	identity, err := linking.Sign(account, *cli.Store.IdentityKey.Pub, cli.Store.AdvSecretKey, 5, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := pair(t.Context(), cli, identity.Container); !errors.Is(err, whatsmeow.ErrNotConnected) {
		t.Fatalf("whatsmeow: %v", err)
	}
	// What it keeps of the account, without the account's key, is its reply.
	kept := cli.Store.Account
	reply := proto.CloneOf(kept)
	reply.AccountSignatureKey = nil
	complete, err := identity.Verify(marshal(t, reply), 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(marshal(t, kept), complete); diff != "" {
		t.Errorf("complete identity (-whatsmeow +ours):\n%s", diff)
	}
	var details waAdv.ADVDeviceIdentity
	if err := proto.Unmarshal(identity.Details, &details); err != nil {
		t.Fatal(err)
	}
	if details.GetKeyIndex() != 5 || details.GetTimestamp() != uint64(at.Unix()) || details.GetRawID() == 0 {
		t.Errorf("details %v", &details)
	}
}

func TestWhatsmeowRefusesFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		signer linking.Signer
		want   error
	}{
		{linking.Signer{WrongHMAC: true}, whatsmeow.ErrPairInvalidDeviceIdentityHMAC},
		{linking.Signer{WrongSignature: true}, whatsmeow.ErrPairInvalidDeviceSignature},
	} {
		cli := newClient()
		test.signer.Account = keys.NewKeyPair()
		identity, err := test.signer.Sign(*cli.Store.IdentityKey.Pub, cli.Store.AdvSecretKey, 5, at)
		if err != nil {
			t.Fatal(err)
		}
		if err := pair(t.Context(), cli, identity.Container); !errors.Is(err, test.want) {
			t.Errorf("got %v, want %v", err, test.want)
		}
	}
	if _, err := linking.Sign(keys.NewKeyPair(), [32]byte{}, nil, 1, at); err == nil {
		t.Error("signed with an empty secret")
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	account, device := keys.NewKeyPair(), keys.NewKeyPair()
	identity, err := linking.Sign(account, *device.Pub, random(32), 5, at)
	if err != nil {
		t.Fatal(err)
	}
	var container waAdv.ADVSignedDeviceIdentityHMAC
	var signed waAdv.ADVSignedDeviceIdentity
	if err := errors.Join(proto.Unmarshal(identity.Container, &container), proto.Unmarshal(container.GetDetails(), &signed)); err != nil {
		t.Fatal(err)
	}
	sign := func(prefix ...byte) []byte {
		message := append(append(append(prefix, identity.Details...), device.Pub[:]...), account.Pub[:]...)
		signature := signal.Sign(device, message)
		return signature[:]
	}
	signed.AccountSignatureKey = nil
	signed.DeviceSignature = sign(6, 1)
	if _, err := identity.Verify(marshal(t, &signed), 5); err != nil {
		t.Fatalf("right reply: %v", err)
	}
	for name, spoil := range map[string]func(*waAdv.ADVSignedDeviceIdentity){
		"account key kept":        func(s *waAdv.ADVSignedDeviceIdentity) { s.AccountSignatureKey = account.Pub[:] },
		"other details":           func(s *waAdv.ADVSignedDeviceIdentity) { s.Details = []byte{8, 1} },
		"other account signature": func(s *waAdv.ADVSignedDeviceIdentity) { s.AccountSignature = make([]byte, 64) },
		"no device signature":     func(s *waAdv.ADVSignedDeviceIdentity) { s.DeviceSignature = nil },
		"hosted prefix":           func(s *waAdv.ADVSignedDeviceIdentity) { s.DeviceSignature = sign(6, 6) },
	} {
		bad := proto.CloneOf(&signed)
		spoil(bad)
		if _, err := identity.Verify(marshal(t, bad), 5); !errors.Is(err, linking.ErrBadReply) {
			t.Errorf("%s: %v, want ErrBadReply", name, err)
		}
	}
	for _, index := range []int{4, -1} {
		if _, err := identity.Verify(marshal(t, &signed), index); !errors.Is(err, linking.ErrBadReply) {
			t.Errorf("key-index %d: %v, want ErrBadReply", index, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	identity, err := linking.Sign(keys.NewKeyPair(), *keys.NewKeyPair().Pub, random(32), 1, at)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(identity.Container)
	f.Fuzz(func(t *testing.T, reply []byte) {
		if _, err := identity.Verify(reply, 1); !errors.Is(err, linking.ErrBadReply) {
			t.Fatalf("%v, want ErrBadReply", err)
		}
	})
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
