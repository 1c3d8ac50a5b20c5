package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"roost/functions/api/apitest"
	"roost/shared/archive"
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/transcript"
)

// The files in events/ are what users give to sam local invoke. Here they go
// through the functions' own handlers.

// sample decodes a file of events/ as what Lambda makes of it. A field that the
// type does not know is a mistake of the file.
func sample[T any](t *testing.T, name string) T {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("../events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.DisallowUnknownFields()
	var decoded T
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatalf("events/%s.json: %v", name, err)
	}
	return decoded
}

func TestSampleRequests(t *testing.T) {
	t.Parallel()
	world := apitest.New(t, apitest.Options{})
	api := httpadapter.NewV2(world.Handler)
	for _, step := range []struct {
		name   string
		status int
		says   string
		then   func()
	}{
		{"api-health", http.StatusOK, `"status":"ok"`, nil},
		{"api-create", http.StatusCreated, `"instanceName":"alice"`, nil},
		{"api-state", http.StatusOK, `"state":"close"`, nil},
		{"api-connect", http.StatusOK, `"code":"` + apitest.QR, nil},
		{"api-pairing-code", http.StatusOK, `"pairingCode":"ABCD1234"`, func() {
			i, err := world.Instances.ByName(t.Context(), "default", "alice")
			if err != nil {
				t.Fatal(err)
			}
			world.Link(t, i)
		}},
		{"api-send-text", http.StatusCreated, `"conversation":"Hello Bob"`, nil},
		{"api-delete", http.StatusOK, `"signedURL":"http`, nil},
	} {
		request := sample[events.APIGatewayV2HTTPRequest](t, step.name)
		if key := request.Headers["apikey"]; key != "" {
			if digest := sha256.Sum256([]byte(key)); hex.EncodeToString(digest[:]) != emulatorsAdminKey(t) {
				t.Errorf("events/%s.json has another admin key than emulators.env", step.name)
			}
			request.Headers["apikey"] = apitest.AdminKey
		}
		answer, err := api.ProxyWithContext(t.Context(), request)
		if err != nil || answer.StatusCode != step.status || !strings.Contains(answer.Body, step.says) {
			t.Errorf("events/%s.json: %d %s, %v; want %d and %s", step.name, answer.StatusCode, answer.Body, err, step.status, step.says)
		}
		if step.then != nil {
			step.then()
		}
	}
}

func emulatorsAdminKey(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("emulators.env")
	if err != nil {
		t.Fatal(err)
	}
	_, digest, _ := strings.Cut(string(source), "ROOST_ADMIN_KEY_SHA256=")
	digest, _, _ = strings.Cut(digest, "\n")
	return digest
}

func TestSampleRecords(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	d, err := openData(t.Context(), config{data: filepath.Join(t.TempDir(), "data")}, "http://127.0.0.1/blob")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.close() })
	s, err := newSystem(t.Context(), config{}, d, "http://127.0.0.1", log)
	if err != nil {
		t.Fatal(err)
	}
	invoke := map[string]func(string) events.SQSEvent{}
	for _, p := range s.pumps {
		invoke[p.name] = func(name string) events.SQSEvent {
			batch := sample[events.SQSEvent](t, name)
			for _, r := range batch.Records {
				if want := "-" + p.name + ".fifo"; !strings.HasSuffix(r.EventSourceARN, want) {
					t.Errorf("events/%s.json is from %s, not from a queue that ends with %s", name, r.EventSourceARN, want)
				}
			}
			response, err := p.invoke(t.Context(), batch)
			if err != nil || len(response.BatchItemFailures) > 0 {
				t.Errorf("events/%s.json: %+v, %v", name, response, err)
			}
			return batch
		}
	}

	batch := invoke[event.Queue]("webhook-message")
	var told []event.Event
	for _, r := range batch.Records {
		e, err := event.Read(t.Context(), d.bucket, []byte(r.Body))
		if err != nil || r.Attributes["MessageGroupId"] != e.Group() {
			t.Fatalf("record %s is of group %s: %+v, %v", r.MessageId, r.Attributes["MessageGroupId"], e, err)
		}
		told = append(told, e)
	}
	var texts []string
	for entry, err := range transcript.NewRepository(d.table, d.bucket).All(t.Context(), told[0].Instance) {
		if err != nil {
			t.Fatal(err)
		}
		var m message.Message
		if err := json.Unmarshal(entry.Body, &m); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, m.Text)
	}
	if strings.Join(texts, "|") != "Hello Alice|How are you?" {
		t.Errorf("the transcript has %q", texts)
	}

	invoke[archive.Queue]("archive-job")
	record, err := archive.NewRepository(d.table).Get(t.Context(), told[0].Instance)
	if err != nil || record.State != archive.Done || record.Messages != 2 {
		t.Errorf("archive %+v, %v", record, err)
	}

	sample[events.CloudWatchEvent](t, "sweep-minute")
	if _, err := s.sweep.Handle(t.Context()); err != nil {
		t.Errorf("sweep: %v", err)
	}
}

// TestEverySampleIsTried: a file that no test knows may be wrong unseen.
func TestEverySampleIsTried(t *testing.T) {
	t.Parallel()
	test, err := os.ReadFile("events_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".json"); !bytes.Contains(test, []byte(`"`+name+`"`)) {
			t.Errorf("events/%s.json is in no test", name)
		}
	}
}
