package export_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	api "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"roost/functions/archive/export"
	"roost/shared/archive"
	"roost/shared/blob/s3"
	"roost/shared/emulator"
	"roost/shared/event"
	"roost/shared/message"
	queuesqs "roost/shared/queue/sqs"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/table/dynamo"
	"roost/shared/transcript"
)

// newEmulated is a house on the emulators of AWS. .ci/emulators has them.
func newEmulated(t *testing.T) *house {
	t.Helper()
	name := fmt.Sprintf("export-%d", time.Now().UnixNano())
	tables := dynamodb.NewFromConfig(emulator.Config(t, emulator.DynamoDB))
	if err := dynamo.Create(t.Context(), tables, name); err != nil {
		t.Fatal(err)
	}
	buckets := api.NewFromConfig(emulator.Config(t, emulator.S3), func(o *api.Options) { o.UsePathStyle = true })
	if _, err := buckets.CreateBucket(t.Context(), &api.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	queues := queuesqs.New(sqs.NewFromConfig(emulator.Config(t, emulator.SQS)), name+"-")
	h := &house{t: t, table: dynamo.New(tables, name), bucket: s3.New(buckets, name), wait: time.Second}
	var err error
	if h.events, err = queues.Open(t.Context(), event.Queue, event.Options); err != nil {
		t.Fatal(err)
	}
	if h.jobs, err = queues.Open(t.Context(), archive.Queue, archive.Options); err != nil {
		t.Fatal(err)
	}
	if h.sealer, err = seal.New(seal.NewKey()); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestArchiveOnAWS archives a transcript in slices, with its past and its
// address book, on DynamoDB, S3 and SQS as emulated.
func TestArchiveOnAWS(t *testing.T) {
	t.Parallel()
	h := newEmulated(t)
	job := h.furnish("i1", 40)
	const past = 60
	h.remember(past)
	c := h.config(h.table, h.bucket)
	c.PartBytes, c.Slice = 4<<10, time.Millisecond // one part a slice
	if err := archive.Enqueue(t.Context(), h.jobs, job, start); err != nil {
		t.Fatal(err)
	}
	slices := h.work(export.New(c))
	record, err := archive.NewRepository(h.table).Get(t.Context(), "i1")
	if err != nil || slices < 3 || record.Progress.Parts < 3 {
		t.Errorf("%d slices, %d parts, %v", slices, record.Progress.Parts, err)
	}
	h.check(job, 40+past)
	for _, partition := range []string{"transcript#i1", "transcript-ids#i1", "transcript-time#i1"} {
		for item, err := range table.All(t.Context(), h.table, table.Query{Partition: partition}) {
			if err != nil || item.Sort != "sealed" {
				t.Errorf("%s %s is left, %v", item.Partition, item.Sort, err)
			}
		}
	}
}

// TestExportOnAWS leaves the instance that goes on as it is.
func TestExportOnAWS(t *testing.T) {
	t.Parallel()
	h := newEmulated(t)
	job := h.furnish("i1", 10)
	job.Live, job.At = true, start.Add(2*time.Hour) // what arrives later is not in it
	if err := archive.Enqueue(t.Context(), h.jobs, job, start); err != nil {
		t.Fatal(err)
	}
	h.work(h.handler(h.table, h.bucket))
	record, err := archive.NewRepository(h.table).Export(t.Context(), "i1")
	if err != nil || record.State != archive.Done || record.Messages != 10 {
		t.Fatalf("%+v, %v", record, err)
	}
	listed, err := transcript.NewRepository(h.table, h.bucket).List(t.Context(), "i1", transcript.Listing{Limit: 100})
	if err != nil || listed.Total != 10 || len(listed.Entries) != 10 {
		t.Errorf("%d of %d messages are left, %v", len(listed.Entries), listed.Total, err)
	}
}

// remember stores so many messages from before the instance was linked, and as
// many contacts.
func (h *house) remember(messages int) {
	h.t.Helper()
	past := event.History{Chat: message.Address{PN: "4966@s.whatsapp.net", LID: "66@lid"}, Ends: true, Last: start}
	var book event.Contacts
	for n := range messages {
		m := said(n)
		m.ID, m.Chat, m.Sender, m.Timestamp = "PAST"+strconv.Itoa(n), past.Chat, past.Chat, start.Add(-time.Duration(messages-n)*time.Minute)
		past.Messages = append(past.Messages, m)
		who := strconv.Itoa(49000+n) + "@s.whatsapp.net"
		book.Contacts = append(book.Contacts, event.Contact{Address: message.Address{PN: who, LID: strconv.Itoa(n) + "@lid"}, Saved: who})
	}
	r := transcript.NewRepository(h.table, h.bucket)
	for kind, body := range map[event.Kind]any{event.HistorySynced: past, event.ContactsUpdated: book} {
		encoded, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		e := event.Event{ID: "ev-" + string(kind), Tenant: "default", Instance: "i1", Kind: kind, Chat: past.Chat.Key(), At: start, Body: encoded}
		for range 2 { // told again, nothing changes
			if err := r.Store(h.t.Context(), e); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}
