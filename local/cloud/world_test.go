package cloud_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"roost/shared/archive"
	"roost/shared/deployment"
	"roost/shared/deployment/cloud"
	"roost/shared/event"
	"roost/shared/table/dynamo"
	"roost/simulator"
)

// adminKey is the one in the events of events/.
const adminKey = "local-admin-key-for-emulators"

// patience bounds a test. Nothing comes near it but what hangs.
const patience = 4 * time.Minute

// world is one installation of Roost on AWS with a simulated WhatsApp and a
// receiver of webhooks.
type world struct {
	*simulator.Simulator
	*client

	t       *testing.T
	ctx     context.Context
	dir     string            // of the binaries
	vars    map[string]string // of the installation
	wa      *httptest.Server
	hook    *hook
	meters  map[string]*meter // by who is metered: the functions, "host", "sources"
	api     *function
	webhook *function
	archive *function
	sweep   *function

	// of is the installation as the test itself sees it.
	of deployment.Deployment
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := binaries(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	name := "e2e-" + uuid.NewString()[:8]
	w := &world{
		t: t, ctx: ctx, dir: dir, Simulator: simulator.New(simulator.Config{}), hook: newHook(t), meters: map[string]*meter{},
		vars: map[string]string{
			"ROOST_TABLE": name, "ROOST_QUEUE_PREFIX": name + "-", "ROOST_BUCKET": name, "ROOST_LOG_LEVEL": "debug",
			"ROOST_ADMIN_KEY": adminKey, "ROOST_VERSION": "test", "ROOST_ALLOWED_NETWORKS": "127.0.0.0/8",
		},
	}
	w.wa = httptest.NewServer(w.Simulator)
	t.Cleanup(func() {
		for _, v := range w.Violations() {
			t.Errorf("violation: %s", v)
		}
		if t.Failed() {
			t.Logf("simulator seed %d", w.Seed())
		}
		w.Close()
		w.wa.Close()
	})
	w.found()
	for _, who := range append([]string{"host", "sources"}, functions...) {
		w.meters[who] = newMeter(t)
	}
	w.api, w.webhook, w.archive, w.sweep = w.function("api"), w.function("webhook"), w.function("archive"), w.function("sweep")
	g := &gateway{api: w.api}
	must(t, json.Unmarshal(readEvent(t, "api-health"), &g.event))
	front := httptest.NewServer(g)
	t.Cleanup(front.Close)
	w.client = &client{t: t, ctx: ctx, base: front.URL}
	w.feed()
	return w
}

// found makes table, bucket, key and queues.
func (w *world) found() {
	w.t.Helper()
	cfg, err := config.LoadDefaultConfig(w.ctx)
	must(w.t, err)
	must(w.t, dynamo.Create(w.ctx, dynamodb.NewFromConfig(cfg), w.vars["ROOST_TABLE"]))
	bucket := w.vars["ROOST_BUCKET"]
	_, err = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(w.ctx, &s3.CreateBucketInput{Bucket: &bucket})
	must(w.t, err)
	key, err := kms.NewFromConfig(cfg).CreateKey(w.ctx, &kms.CreateKeyInput{})
	must(w.t, err)
	w.vars["ROOST_KMS_KEY"] = *key.KeyMetadata.KeyId
	w.of, err = cloud.OpenSealed(w.ctx, func(name string) string { return w.vars[name] }, &output{})
	must(w.t, err)
	_, err = w.of.Events(w.ctx)
	must(w.t, err)
	_, err = w.of.ArchiveJobs(w.ctx)
	must(w.t, err)
}

// env is the environment of a process of the installation.
func (w *world) env(who string) []string {
	var out []string
	for name, value := range w.vars {
		out = append(out, name+"="+value)
	}
	for _, line := range os.Environ() {
		if (strings.HasPrefix(line, "AWS_") && !strings.HasPrefix(line, "AWS_ENDPOINT_")) || strings.HasPrefix(line, "PATH=") {
			out = append(out, line)
		}
	}
	return append(out, w.meters[who].env()...)
}

func (w *world) function(name string) *function {
	f := newFunction(w.t, name, filepath.Join(w.dir, name, "bootstrap"), w.env(name))
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("function %s said:\n%s", name, tail(f.said()))
		}
	})
	return f
}

// feed starts the event sources. On AWS five pollers stand behind a queue; two
// are enough to have batches at the same time.
func (w *world) feed() {
	w.t.Helper()
	cfg, err := config.LoadDefaultConfig(w.ctx)
	must(w.t, err)
	address := w.meters["sources"].urls["SQS"]
	queues := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = &address })
	ctx, cancel := context.WithCancel(w.ctx)
	var running sync.WaitGroup
	w.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for name, to := range map[string]*function{event.Queue: w.webhook, archive.Queue: w.archive} {
		full := w.vars["ROOST_QUEUE_PREFIX"] + name + ".fifo"
		found, err := queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &full})
		must(w.t, err)
		size := int32(10)
		if to == w.archive {
			size = 1
		}
		for range 2 {
			s := &source{t: w.t, sqs: queues, queue: *found.QueueUrl, to: to, size: size}
			running.Go(func() { s.run(ctx) })
		}
	}
}

// sweepNow is a minute's end at which nothing is to be mended.
func (w *world) sweepNow() {
	w.t.Helper()
	report, err := w.sweep.invoke(w.ctx, readEvent(w.t, "sweep-minute"))
	if err != nil {
		w.t.Fatalf("sweep: %v", err)
	}
	nothing(w.t, report)
}

// nothing checks a report of the sweep.
func nothing(t *testing.T, report []byte) {
	t.Helper()
	var mended map[string]float64
	must(t, json.Unmarshal(report, &mended))
	for what, n := range mended {
		if n != 0 {
			t.Errorf("the sweep reports %v %s", n, what)
		}
	}
}

// readEvent is one of the events that users are given for sam local invoke.
func readEvent(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "events", name+".json"))
	must(t, err)
	return content
}

func tail(s string) string { return s[max(0, len(s)-6000):] }

// poll waits for something that another process does.
func (w *world) poll(what string, ok func() bool) {
	w.t.Helper()
	for !ok() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// files serves one file for messages to bring along.
func files(t *testing.T, name, mimetype string, content []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mimetype)
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/" + name
}
