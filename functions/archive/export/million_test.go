package export_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/functions/archive/export"
	"roost/shared/archive"
	"roost/shared/table"
)

// TestMillion archives as many messages as ARCHIVE_MESSAGES says, in 1,000
// chats, in several slices, and prints time and memory:
//
//	ARCHIVE_MESSAGES=1000000 go test -run TestMillion -timeout 2h -v ./functions/archive/export
func TestMillion(t *testing.T) { // not parallel: it measures the process
	messages, _ := strconv.Atoi(os.Getenv("ARCHIVE_MESSAGES"))
	if messages == 0 {
		t.Skip("ARCHIVE_MESSAGES says how many messages to archive")
	}
	const chats = 1000
	h := newHouse(t)
	job := h.furnish("i1", 0)
	begin := time.Now()
	h.crowd(messages, chats)
	t.Logf("%d messages in %d chats stored in %v", messages, chats, time.Since(begin).Round(time.Second))
	runtime.GC()
	// The peak begins anew here (proc(5), clear_refs).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
		t.Log("the peak counts from the start of the process:", err)
	}
	before := memory(t, "VmRSS")
	c := h.config(h.table, h.bucket)
	c.Slice = 30 * time.Second
	begin = time.Now()
	if err := archive.Enqueue(t.Context(), h.jobs, job, start); err != nil {
		t.Fatal(err)
	}
	slices := h.work(export.New(c))
	took := time.Since(begin)
	record, err := archive.NewRepository(h.table).Get(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	peak := memory(t, "VmHWM")
	t.Logf("archived and removed in %v, %d slices, %d parts, %d MiB of lines, object of %d MiB; resident %d MiB before, %d MiB at the peak",
		took.Round(time.Second), slices, record.Progress.Parts, record.Progress.Size>>20, record.Bytes>>20, before>>10, peak>>10)
	if record.Messages != int64(messages) || peak>>10 > 256 {
		t.Errorf("%d messages, %d MiB", record.Messages, peak>>10)
	}
	h.check(job, messages)
}

// memory is a line of /proc/self/status, in KiB.
func memory(t *testing.T, line string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(status), line+":")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// crowd writes rows as Store does, in bulk: a message of some 600 bytes with
// its two indexes.
func (h *house) crowd(messages, chats int) {
	h.t.Helper()
	var items []table.Item
	flush := func(least int) {
		if len(items) >= least {
			if err := h.table.BatchWrite(h.t.Context(), items, nil); err != nil {
				h.t.Fatal(err)
			}
			items = items[:0]
		}
	}
	for n := range messages {
		m := said(n)
		chat := strconv.Itoa(4915000000+n%chats) + "@s.whatsapp.net"
		m.Chat.PN, m.Sender.PN = chat, chat
		m.Text = fmt.Sprintf("message %d, %x %s", n, sha256.Sum256([]byte(m.ID)), strings.Repeat("and so on ", n%30))
		m.Content, _ = json.Marshal(map[string]string{"conversation": m.Text})
		body, err := json.Marshal(m)
		if err != nil {
			h.t.Fatal(err)
		}
		sort := fmt.Sprintf("%013d#%013d#ev-%s", m.Timestamp.UnixMilli(), m.Timestamp.UnixMilli(), m.ID)
		head := map[string]any{"id": "ev-" + m.ID, "kind": "message", "chat": chat, "message": m.ID, "type": "conversation"}
		full := map[string]any{"id": "ev-" + m.ID, "kind": "message", "chat": chat, "at": table.Stamp(m.Timestamp)}
		items = append(items,
			table.Item{Key: table.Key{Partition: "transcript#i1#" + chat, Sort: sort}, Attributes: full, Body: body},
			table.Item{Key: table.Key{Partition: "transcript-time#i1", Sort: sort}, Attributes: head},
			table.Item{Key: table.Key{Partition: "transcript-ids#i1", Sort: m.ID + "#ev-" + m.ID}, Attributes: map[string]any{"entry_partition": "transcript#i1#" + chat, "entry_sort": sort}})
		flush(6000)
	}
	for n := range min(chats, messages) {
		chat := strconv.Itoa(4915000000+n) + "@s.whatsapp.net"
		entries := int64((messages - n + chats - 1) / chats)
		items = append(items, table.Item{Key: table.Key{Partition: "transcript#i1", Sort: "chat#" + chat}, Attributes: map[string]any{
			"key": chat, "pn": chat, "unread": int64(0), "entries": entries, "messages": entries, "last_at": table.Stamp(start.Add(time.Duration(messages) * time.Second)),
		}})
	}
	flush(1)
}
