package history

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
)

var (
	alice    = types.NewJID("49151000001", types.DefaultUserServer)
	aliceLID = types.NewJID("1000000000001", types.HiddenUserServer)
	own      = types.NewJID("49151000000", types.DefaultUserServer)
	when     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

type decoded struct {
	Chunk
	sync *waHistorySync.HistorySync
}

func collect(t *testing.T, p Plan) []decoded {
	t.Helper()
	var out []decoded
	for c, err := range p.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		sync, err := Decode(c.Payload)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, decoded{c, sync})
	}
	return out
}

func text(s string) *waE2E.Message {
	return &waE2E.Message{Conversation: new(s)}
}

func transcript(n int, prefix string, start time.Time) []Message {
	var out []Message
	for i := range n {
		out = append(out, Message{ID: fmt.Sprint(prefix, i), Time: start.Add(time.Duration(i) * time.Minute), Message: text(fmt.Sprint(i))})
	}
	return out
}

func TestExactConversation(t *testing.T) {
	t.Parallel()
	plan := Plan{
		Types: []Type{InitialBootstrap},
		Conversations: []Conversation{{
			Chat: alice, Alt: aliceLID, Name: "Alice", Unread: 1, Archived: true, Pinned: when, MuteEnd: when.Add(time.Hour),
			Messages: []Message{
				{ID: "A", FromMe: true, Time: when, Message: text("one"), Status: waWeb.WebMessageInfo_READ},
				{ID: "B", Time: when.Add(time.Minute), Message: text("two"), PushName: "Ali", Secret: []byte("secret")},
			},
		}},
	}
	got := collect(t, plan)
	if len(got) != 1 {
		t.Fatalf("%d chunks", len(got))
	}
	want := &waHistorySync.HistorySync{
		SyncType:   waHistorySync.HistorySync_INITIAL_BOOTSTRAP.Enum(),
		ChunkOrder: proto.Uint32(1),
		Progress:   proto.Uint32(100),
		Conversations: []*waHistorySync.Conversation{{
			ID: new("49151000001@s.whatsapp.net"), LidJID: new("1000000000001@lid"), Name: new("Alice"),
			UnreadCount: proto.Uint32(1), Archived: new(true),
			Pinned: new(uint32(when.Unix())), MuteEndTime: new(uint64(when.Unix()) + 3600),
			LastMsgTimestamp: new(uint64(when.Unix()) + 60), ConversationTimestamp: new(uint64(when.Unix()) + 60),
			EndOfHistoryTransfer:     new(true),
			EndOfHistoryTransferType: waHistorySync.Conversation_COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY.Enum(),
			Messages: []*waHistorySync.HistorySyncMsg{
				{MsgOrderID: proto.Uint64(2), Message: &waWeb.WebMessageInfo{
					Key:              &waCommon.MessageKey{RemoteJID: new("49151000001@s.whatsapp.net"), FromMe: new(false), ID: new("B")},
					MessageTimestamp: new(uint64(when.Unix()) + 60), Message: text("two"), PushName: new("Ali"), MessageSecret: []byte("secret"),
				}},
				{MsgOrderID: proto.Uint64(1), Message: &waWeb.WebMessageInfo{
					Key:              &waCommon.MessageKey{RemoteJID: new("49151000001@s.whatsapp.net"), FromMe: new(true), ID: new("A")},
					MessageTimestamp: new(uint64(when.Unix())), Message: text("one"), Status: waWeb.WebMessageInfo_READ.Enum(),
				}},
			},
		}},
		PhoneNumberToLidMappings: []*waHistorySync.PhoneNumberToLIDMapping{{
			PnJID: new("49151000001@s.whatsapp.net"), LidJID: new("1000000000001@lid"),
		}},
	}
	if diff := cmp.Diff(want, got[0].sync, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c := got[0]; c.Conversations != 1 || c.Messages != 2 || !c.Oldest.Equal(when) {
		t.Errorf("chunk of %d conversations, %d messages, oldest %v", c.Conversations, c.Messages, c.Oldest)
	}
}

func bigPlan() Plan {
	return Plan{
		Seed: 7, OwnPN: own, OwnName: "Me", Chats: 30, Groups: 6, MessagesPerChat: 101, OlderPerChat: 3, Statuses: 25,
		Conversations: []Conversation{
			{Chat: alice, Alt: aliceLID, Name: "Alice", Messages: transcript(250, "X", when)},
			{Chat: types.NewJID("49151000009", types.DefaultUserServer)},
		},
		BootstrapPerChat: 5, RecentPerChat: 40, ChunkMessages: 90, ChunkBytes: 20_000, Secrets: true,
	}
}

func TestEveryMessageOnce(t *testing.T) {
	t.Parallel()
	plan := bigPlan()
	chunks := collect(t, plan)
	seen := map[string]bool{}
	last := map[string]uint64{}
	conversations, mappings, ended := map[string]bool{}, map[string]int{}, map[string]int{}
	perType := map[Type]int{}
	names, groupsLeft, statuses := 0, 0, 0
	order, progress := map[Type]uint32{}, map[Type]uint32{}
	cut := 0
	for _, c := range chunks {
		order[c.Type]++
		if c.Order != order[c.Type] || c.sync.GetChunkOrder() != c.Order || c.sync.GetProgress() != c.Progress || c.sync.GetSyncType() != c.Type {
			t.Errorf("%s chunk %d: order %d in payload, expected %d", c.Type, c.Order, c.sync.GetChunkOrder(), order[c.Type])
		}
		if c.Progress < progress[c.Type] || c.Progress > 100 {
			t.Errorf("%s chunk %d: progress %d after %d", c.Type, c.Order, c.Progress, progress[c.Type])
		}
		progress[c.Type] = c.Progress
		if c.Size > plan.ChunkBytes || c.Size != proto.Size(c.sync) {
			t.Errorf("%s chunk %d: size %d, in fact %d", c.Type, c.Order, c.Size, proto.Size(c.sync))
		}
		messages := len(c.sync.GetStatusV3Messages())
		for _, conv := range c.sync.GetConversations() {
			if conv.GetEndOfHistoryTransfer() {
				ended[conv.GetID()]++
			}
			conversations[conv.GetID()] = true
			messages += len(conv.GetMessages())
			for _, m := range conv.GetMessages() {
				key := conv.GetID() + m.GetMessage().GetKey().GetID()
				at := m.GetMessage().GetMessageTimestamp()
				if seen[key] {
					t.Errorf("%s twice", key)
				}
				if before, ok := last[conv.GetID()]; ok && at >= before {
					t.Errorf("%s: %d after %d", key, at, before)
				}
				seen[key], last[conv.GetID()] = true, at
				perType[c.Type]++
				if at < uint64(c.Oldest.Unix()) {
					t.Errorf("%s is older than the chunk's oldest", key)
				}
				if conv.GetParticipant() != nil && m.GetMessage().GetParticipant() == "" {
					t.Errorf("%s has no author", key)
				}
			}
		}
		if messages != c.Messages || len(c.sync.GetConversations()) != c.Conversations || messages > plan.ChunkMessages {
			t.Errorf("%s chunk %d: %d messages, %d conversations", c.Type, c.Order, c.Messages, c.Conversations)
		}
		for _, m := range c.sync.GetPhoneNumberToLidMappings() {
			mappings[m.GetPnJID()]++
		}
		names += len(c.sync.GetPushnames())
		groupsLeft += len(c.sync.GetPastParticipants())
		statuses += len(c.sync.GetStatusV3Messages())
		if order[c.Type] > 1 {
			cut++
		}
	}
	// The plan makes 42 chunks; many more would be half empty ones.
	if len(chunks) > 80 {
		t.Errorf("%d chunks", len(chunks))
	}
	want := map[Type]int{InitialBootstrap: 31 * 5, Recent: 31 * 40, Full: 30*56 + 205}
	if diff := cmp.Diff(want, perType); diff != "" {
		t.Errorf("messages by part (-want +got):\n%s", diff)
	}
	if len(seen) != 30*101+250 || len(conversations) != 32 || len(ended) != 32 || len(mappings) != 25 || cut == 0 {
		t.Errorf("%d messages, %d conversations (%d ended), %d mappings, %d cuts", len(seen), len(conversations), len(ended), len(mappings), cut)
	}
	for _, counts := range []map[string]int{mappings, ended} {
		for key, n := range counts {
			if n != 1 {
				t.Errorf("%s %d times", key, n)
			}
		}
	}
	if names != 1+1+24 || groupsLeft != 6 || statuses != 25 {
		t.Errorf("%d names, %d groups left, %d statuses", names, groupsLeft, statuses)
	}
	for _, part := range []Type{InitialStatusV3, PushName, NonBlockingData, Recent, Full} {
		if progress[part] != 100 {
			t.Errorf("%s ends at %d%%", part, progress[part])
		}
	}
	if got := progress[InitialBootstrap]; got != 31*5*100/(30*101+250) {
		t.Errorf("INITIAL_BOOTSTRAP ends at %d%%", got)
	}
}

func TestDeterminism(t *testing.T) {
	t.Parallel()
	first, second := collect(t, bigPlan()), collect(t, bigPlan())
	other := bigPlan()
	other.Seed++
	third := collect(t, other)
	if len(first) != len(second) {
		t.Fatalf("%d and %d chunks", len(first), len(second))
	}
	for i := range first {
		if !bytes.Equal(first[i].Payload, second[i].Payload) {
			t.Errorf("chunk %d differs", i)
		}
	}
	if slices.EqualFunc(first, third, func(a, b decoded) bool { return bytes.Equal(a.Payload, b.Payload) }) {
		t.Error("the seed changes nothing")
	}
}

// How a history is cut must not change what is in it.
func TestCutsDoNotChangeMessages(t *testing.T) {
	t.Parallel()
	content := func(p Plan) map[string]*waWeb.WebMessageInfo {
		out := map[string]*waWeb.WebMessageInfo{}
		for _, c := range collect(t, p) {
			for _, conv := range c.sync.GetConversations() {
				for _, m := range conv.GetMessages() {
					out[m.GetMessage().GetKey().GetID()] = m.GetMessage()
				}
			}
		}
		return out
	}
	whole := bigPlan()
	whole.ChunkBytes, whole.ChunkMessages, whole.Types = 0, 0, []Type{Full}
	if diff := cmp.Diff(content(whole), content(bigPlan()), protocmp.Transform()); diff != "" {
		t.Errorf("(-whole +cut):\n%s", diff)
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	all := []Type{Full, Recent, InitialBootstrap}
	tests := []struct {
		types []Type
		n     int
		part  Type
		want  [2]int
	}{
		{all, 100, InitialBootstrap, [2]int{0, 10}},
		{all, 100, Recent, [2]int{10, 55}},
		{all, 100, Full, [2]int{55, 100}},
		{all, 4, InitialBootstrap, [2]int{0, 4}},
		{all, 4, Recent, [2]int{4, 4}},
		{all, 4, Full, [2]int{4, 4}},
		{[]Type{Recent}, 100, Recent, [2]int{0, 100}},
		{[]Type{InitialBootstrap, PushName}, 100, InitialBootstrap, [2]int{0, 100}},
		{[]Type{InitialBootstrap, Full}, 100, Full, [2]int{10, 100}},
		{[]Type{PushName}, 100, Full, [2]int{100, 100}},
	}
	for _, test := range tests {
		plan := Plan{Types: test.types, BootstrapPerChat: 10}
		if from, to := plan.share(test.part, test.n); [2]int{from, to} != test.want {
			t.Errorf("share of %s in %v of %d = %d, %d; want %v", test.part, test.types, test.n, from, to, test.want)
		}
	}
}

func TestZeroPlanSendsEveryPart(t *testing.T) {
	t.Parallel()
	var got []Type
	for _, c := range collect(t, Plan{}) {
		got = append(got, c.Type)
		if c.Order != 1 || c.Progress != 100 || c.Messages != 0 {
			t.Errorf("%s: %+v", c.Type, c.Chunk)
		}
	}
	want := []Type{InitialBootstrap, InitialStatusV3, PushName, NonBlockingData, Recent, Full}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestContactsAndLIDs(t *testing.T) {
	t.Parallel()
	plan := Plan{
		Types: []Type{InitialBootstrap, PushName}, Chats: 3, Groups: 1, MessagesPerChat: 5, LIDChats: true, OwnPN: own, OwnLID: aliceLID,
		Contacts: func(i int) (pn, lid types.JID, name string) {
			return types.NewJID(fmt.Sprint(100+i), types.DefaultUserServer), types.NewJID(fmt.Sprint(200+i), types.HiddenUserServer), fmt.Sprint("C", i)
		},
	}
	chunks := collect(t, plan)
	conversations := chunks[0].sync.GetConversations()
	if c := conversations[1]; c.GetID() != "201@lid" || c.GetPnJID() != "101@s.whatsapp.net" || c.GetName() != "C1" {
		t.Errorf("conversation %s", c)
	}
	var participants []string
	for _, p := range conversations[2].GetParticipant() {
		participants = append(participants, p.GetUserJID())
	}
	if diff := cmp.Diff([]string{"200@lid", "201@lid", aliceLID.String()}, participants); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	if got := chunks[1].sync.GetPushnames()[1]; got.GetID() != "201@lid" || got.GetPushname() != "C1" {
		t.Errorf("push name %s", got)
	}
}

func TestInvalidPlans(t *testing.T) {
	t.Parallel()
	for title, plan := range map[string]Plan{
		"on demand":   {Types: []Type{OnDemand}},
		"twice":       {Types: []Type{Full, Full}},
		"negative":    {MessagesPerChat: -1},
		"many groups": {Chats: 1, Groups: 2},
		"interval":    {Interval: time.Millisecond},
	} {
		n := 0
		for _, err := range plan.Chunks() {
			if n++; !errors.Is(err, ErrPlan) {
				t.Errorf("%s: %v", title, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d chunks", title, n)
		}
		if _, err := plan.OnDemand(Request{}); !errors.Is(err, ErrPlan) {
			t.Errorf("%s on demand: %v", title, err)
		}
	}
}

func TestStopEarly(t *testing.T) {
	t.Parallel()
	for stop := range 12 {
		n := 0
		for _, err := range bigPlan().Chunks() {
			if err != nil {
				t.Fatal(err)
			}
			if n == stop {
				break
			}
			n++
		}
		if n != stop {
			t.Errorf("stopped at %d instead of %d", n, stop)
		}
	}
}

// Not parallel: it measures the heap.
func TestMemoryIsBounded(t *testing.T) {
	plan := Plan{Chats: 20, Groups: 2, MessagesPerChat: perChat, Secrets: true, OwnPN: own}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	start, peak := heap(), int64(0)
	chunks, messages, payload := 0, 0, 0
	for c, err := range plan.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		chunks++
		messages += c.Messages
		payload += len(c.Payload)
		if chunks%10 == 0 {
			peak = max(peak, heap()-start)
		}
	}
	t.Logf("%d messages in %d chunks, %d MB packed, heap at most %d kB above the start", messages, chunks, payload>>20, peak>>10)
	if messages != 20*perChat || payload < 2<<20 {
		t.Errorf("%d messages in %d bytes", messages, payload)
	}
	if peak > 8<<20 {
		t.Errorf("heap grew by %d bytes", peak)
	}
}

func FuzzDecode(f *testing.F) {
	for c, err := range (Plan{Chats: 2, MessagesPerChat: 2}).Chunks() {
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.Payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if sync, err := Decode(payload); (sync == nil) != (err != nil) {
			t.Errorf("Decode = %v, %v", sync, err)
		}
	})
}

func BenchmarkChunks(b *testing.B) {
	for _, secrets := range []bool{false, true} {
		b.Run(fmt.Sprintf("secrets=%v", secrets), func(b *testing.B) {
			plan := Plan{Types: []Type{Recent}, Chats: 100, Groups: 10, MessagesPerChat: 100, Secrets: secrets, OwnPN: own}
			b.ReportAllocs()
			messages, size := 0, 0
			for b.Loop() {
				for c, err := range plan.Chunks() {
					if err != nil {
						b.Fatal(err)
					}
					messages += c.Messages
					size += c.Size
				}
			}
			b.ReportMetric(float64(messages)/b.Elapsed().Seconds(), "messages/s")
			b.SetBytes(int64(size / (messages / 10_000)))
		})
	}
}
