package whatsapp

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"roost/simulator/history"
)

// stored counts what a history gives to the keys, and looks at the heap.
type stored struct {
	mappings, names, chats, secrets int
	salt, nonce, settings           int
	peak                            uint64
}

func (s *stored) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.peak = max(s.peak, m.HeapInuse)
}

func (s *stored) StoreHistoricalPNLIDMappings(_ context.Context, m []*waHistorySync.PhoneNumberToLIDMapping) {
	s.mappings += len(m)
}

func (s *stored) HandleHistoricalPushNames(_ context.Context, n []*waHistorySync.Pushname) {
	s.names += len(n)
}

func (s *stored) StoreHistoricalMessageSecrets(_ context.Context, chats []*waHistorySync.Conversation) {
	for _, c := range chats {
		s.chats++
		s.secrets += len(c.Messages)
	}
	if s.chats%10 == 0 {
		s.look()
	}
}

func (s *stored) StoreGlobalSettings(context.Context, *waHistorySync.GlobalSettings) { s.settings++ }
func (s *stored) StoreCompanionMetaNonce(context.Context, string)                    { s.nonce++ }
func (s *stored) StoreNCTSalt(context.Context, []byte) error                         { s.salt++; return nil }

// sift reads a plain history as digest does.
func sift(from io.Reader, to historyStore, pass func(*sifter) func(protowire.Number, uint64, *section) error) error {
	s := &sifter{ctx: context.Background(), store: to}
	whole := &section{bufio.NewReaderSize(from, 64<<10), math.MaxInt64}
	err := whole.each(pass(s))
	s.flush()
	return err
}

func people(s *sifter) func(protowire.Number, uint64, *section) error { return s.people }
func chats(s *sifter) func(protowire.Number, uint64, *section) error  { return s.chats }

// What the stream gives is what the whole message holds.
func TestHistoryIsReadWhole(t *testing.T) {
	t.Parallel()
	plan := history.Plan{Seed: 7, Chats: 30, Groups: 3, MessagesPerChat: 40, Secrets: true}
	for chunk, err := range plan.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		whole, err := history.Decode(chunk.Payload)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := proto.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		want := stored{mappings: len(whole.PhoneNumberToLidMappings), names: len(whole.Pushnames)}
		for _, c := range whole.Conversations {
			for _, m := range c.Messages {
				if m.GetMessage().GetMessageSecret() != nil {
					want.secrets++
				}
			}
		}
		var got stored
		if err := sift(bytes.NewReader(plain), &got, people); err != nil {
			t.Fatal(err)
		}
		if err := sift(bytes.NewReader(plain), &got, chats); err != nil {
			t.Fatal(err)
		}
		if got.mappings != want.mappings || got.names != want.names || got.secrets != want.secrets {
			t.Errorf("%v %d: got %+v, want %+v", chunk.Type, chunk.Order, got, want)
		}
	}
}

// A history of any size takes no more memory: one chat of HISTORY_MIB (96)
// mebibytes, packed on disk.
func TestHistoryMemory(t *testing.T) {
	size := 96
	if n, err := strconv.Atoi(os.Getenv("HISTORY_MIB")); err == nil {
		size = n
	}
	path := filepath.Join(t.TempDir(), "history")
	messages := writeHistory(t, path, size)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := zlib.NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var got stored
	if err := sift(unpacked, &got, chats); err != nil {
		t.Fatal(err)
	}
	got.look()
	grown := int64(got.peak) - int64(before.HeapInuse)
	t.Logf("%d MiB in %d messages: the heap grew by at most %.1f MiB", size, messages, float64(grown)/(1<<20))
	if got.secrets != messages {
		t.Errorf("%d secrets of %d messages", got.secrets, messages)
	}
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// writeHistory writes one chat of about size MiB and returns how many messages
// it has.
func writeHistory(t *testing.T, path string, size int) int {
	t.Helper()
	one := &waHistorySync.HistorySyncMsg{}
	plan := history.Plan{Seed: 1, Chats: 1, MessagesPerChat: 1, Secrets: true}
	for chunk, err := range plan.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		whole, err := history.Decode(chunk.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole.Conversations) > 0 && len(whole.Conversations[0].Messages) > 0 {
			one = whole.Conversations[0].Messages[0]
			break
		}
	}
	if one.GetMessage().GetMessageSecret() == nil {
		t.Fatal("the message has no secret")
	}
	one.Message.Message.Conversation = new(string(bytes.Repeat([]byte("history "), 128)))
	body, err := proto.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	field := protowire.AppendBytes(protowire.AppendTag(nil, fieldChatMessages, protowire.BytesType), body)
	id := protowire.AppendString(protowire.AppendTag(nil, fieldChatID, protowire.BytesType), "491511234567@s.whatsapp.net")
	count := size << 20 / len(field)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := zlib.NewWriterLevel(file, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	head := protowire.AppendVarint(protowire.AppendTag(nil, fieldConversations, protowire.BytesType), uint64(len(id)+count*len(field)))
	for _, part := range [][]byte{head, id} {
		if _, err := packed.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	for range count {
		if _, err := packed.Write(field); err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	return count
}

// FuzzHistory reads whatever comes: it ends, and takes nothing that is not
// there.
func FuzzHistory(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x12, 3, 0x0a, 1, 'x'})
	f.Add([]byte{0x7a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	for chunk, err := range (history.Plan{Seed: 3, Chats: 2, MessagesPerChat: 2, Secrets: true}).Chunks() {
		if err != nil {
			f.Fatal(err)
		}
		if whole, err := history.Decode(chunk.Payload); err == nil {
			if plain, err := proto.Marshal(whole); err == nil {
				f.Add(plain)
			}
		}
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		var got stored
		err := sift(bytes.NewReader(plain), &got, people)
		chatErr := sift(bytes.NewReader(plain), &got, chats)
		var whole waHistorySync.HistorySync
		if proto.Unmarshal(plain, &whole) == nil && err == nil && chatErr == nil && got.mappings != len(whole.PhoneNumberToLidMappings) {
			t.Errorf("%d mappings of %d", got.mappings, len(whole.PhoneNumberToLidMappings))
		}
	})
}

// Histories wait for each other, and a waiting one ends with its context.
func TestSpoolTurns(t *testing.T) {
	t.Parallel()
	identity := keys.NewKeyPair()
	device := &store.Device{NoiseKey: keys.NewKeyPair(), IdentityKey: identity, SignedPreKey: identity.CreateSignedPreKey(1)}
	spool := NewSpool(t.TempDir())
	c := New(Config{Spool: spool, Log: slog.New(slog.DiscardHandler)}, device, nil, nil, func(Signal) {})
	spool.turn <- struct{}{} // somebody reads
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.FetchHistory(ctx, nil) }()
	cause := fmt.Errorf("on purpose")
	cancel(cause)
	if err := <-done; err != cause { //nolint:errorlint // exactly this
		t.Errorf("a history that waited ends with %v", err)
	}
}
