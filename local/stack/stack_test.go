package stack_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/functions/webhook/delivery"
	"roost/local/stack"
	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/queue"
)

// These tests hold template.yaml and the code together.

const root = "../../"

func read(t *testing.T) stack.Template {
	t.Helper()
	template, err := stack.Read(root + "template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func all[T any](t *testing.T, kind string) map[string]T {
	t.Helper()
	found, err := stack.All[T](read(t), kind)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("the template declares no %s", kind)
	}
	return found
}

// queues are those that the code opens; hosts make more of the first kind.
var queues = map[string]queue.Options{
	command.Shared: command.Options, event.Queue: event.Options, archive.Queue: archive.Options, backlog.Queue: backlog.QueueOptions,
}

func TestQueues(t *testing.T) {
	t.Parallel()
	declared := all[stack.Queue](t, "AWS::SQS::Queue")
	byName := map[string]string{} // logical names
	for id, q := range declared {
		byName[q.Name()] = id
		if want := "${AWS::StackName}-" + q.Name() + ".fifo"; string(q.QueueName) != want {
			t.Errorf("%s is called %s, not %s", id, q.QueueName, want)
		}
		if !q.FifoQueue || q.DeduplicationScope != "messageGroup" || q.FifoThroughputLimit != "perMessageGroupId" {
			t.Errorf("%s is no FIFO queue of high throughput", id)
		}
		if !q.SqsManagedSseEnabled || q.MessageRetentionPeriod != 14*24*60*60 {
			t.Errorf("%s is not encrypted or does not keep messages for 14 days", id)
		}
	}
	wanted := map[string]bool{}
	for name, options := range queues {
		wanted[name] = true
		id, ok := byName[name]
		if !ok {
			t.Errorf("no queue %s", name)
			continue
		}
		q := declared[id]
		if got := time.Duration(q.VisibilityTimeout) * time.Second; got != options.Visibility {
			t.Errorf("%s hides for %s, the code expects %s", name, got, options.Visibility)
		}
		if options.DeadLetter == "" {
			if q.RedrivePolicy != nil {
				t.Errorf("%s is not to give up", name)
			}
			continue
		}
		wanted[options.DeadLetter] = true
		if q.RedrivePolicy == nil || q.RedrivePolicy.MaxReceiveCount != options.MaxReceives ||
			string(q.RedrivePolicy.DeadLetterTarget) != byName[options.DeadLetter]+".Arn" {
			t.Errorf("%s is to give up after %d receives to %s: %+v", name, options.MaxReceives, options.DeadLetter, q.RedrivePolicy)
		}
		if dead := declared[byName[options.DeadLetter]]; dead.RedrivePolicy != nil {
			t.Errorf("%s is not the end", options.DeadLetter)
		}
	}
	for name := range byName {
		if !wanted[name] {
			t.Errorf("nobody opens queue %s", name)
		}
	}
}

func TestConsumersHaveTheTimeTheyNeed(t *testing.T) {
	t.Parallel()
	functions := all[stack.Function](t, "AWS::Serverless::Function")
	declared := all[stack.Queue](t, "AWS::SQS::Queue")
	consumers := map[string]time.Duration{"Events": delivery.Timeout, "Deliveries": delivery.Timeout, "Archive": archive.Term}
	for name, f := range functions {
		for _, source := range f.Events {
			if source.Type != "SQS" {
				continue
			}
			from := strings.TrimSuffix(string(source.Properties.Queue), ".Arn")
			needs, known := consumers[from]
			if !known || !slices.Equal(source.Properties.FunctionResponseTypes, []string{"ReportBatchItemFailures"}) {
				t.Errorf("%s does not take %s with partial failures: %+v", name, from, source)
			}
			delete(consumers, from)
			timeout, hidden := time.Duration(f.Timeout)*time.Second, time.Duration(declared[from].VisibilityTimeout)*time.Second
			if timeout < needs || timeout > hidden {
				t.Errorf("%s may take %s; it needs %s, and %s hides for %s", name, timeout, needs, from, hidden)
			}
		}
	}
	for from := range consumers {
		t.Errorf("nobody takes from %s", from)
	}
	for _, from := range []string{"Events", "Deliveries"} {
		if hidden := time.Duration(declared[from].VisibilityTimeout) * time.Second; hidden != delivery.Visibility {
			t.Errorf("%s hides for %s, the handler wants %s", from, hidden, delivery.Visibility)
		}
	}
	if timeout := functions["ApiFunction"].Timeout; timeout > 30 {
		t.Errorf("the API may take %d s; API Gateway waits for 30", timeout)
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	roles := map[string]bool{}
	for name, f := range all[stack.Function](t, "AWS::Serverless::Function") {
		if _, err := os.Stat(root + string(f.CodeURI) + "main.go"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if f.Role == "" || roles[string(f.Role)] {
			t.Errorf("%s has no role of its own", name)
		}
		roles[string(f.Role)] = true
		if f.LoggingConfig.LogGroup == "" {
			t.Errorf("%s logs to a group that is kept for ever", name)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	for _, table := range all[stack.Table](t, "AWS::DynamoDB::Table") {
		var keys []string
		for _, k := range table.KeySchema {
			keys = append(keys, k.AttributeName+" "+k.KeyType)
		}
		// shared/table/dynamo
		if !slices.Equal(keys, []string{"pk HASH", "sk RANGE"}) || table.TimeToLiveSpecification.AttributeName != "expiry" || !table.TimeToLiveSpecification.Enabled {
			t.Errorf("the table is not the adapter's: %+v", table)
		}
		if table.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled {
			t.Error("an older copy of the keys could be restored, which breaks ratchets")
		}
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	type statement struct {
		Effect, Sid      string
		Action, Resource json.RawMessage
		Condition        json.RawMessage
	}
	type document struct{ Statement []statement }
	purpose := slices.Collect(maps.Keys(literals(t, "^roost data key$", "shared/seal/kms")))[0]
	check := func(name string, d document) {
		for _, s := range d.Statement {
			if strings.Contains(string(s.Action), "kms:") && !strings.Contains(string(s.Condition), `"kms:EncryptionContext:purpose":"`+purpose+`"`) {
				t.Errorf("%s may use the key for another purpose than %q: %s", name, purpose, s.Condition)
			}
			if s.Effect == "Allow" && (strings.Contains(string(s.Action), "*") || string(s.Resource) == `"*"`) {
				t.Errorf("%s allows %s on %s", name, s.Action, s.Resource)
			}
		}
	}
	policies := all[struct{ PolicyDocument document }](t, "AWS::IAM::ManagedPolicy")
	for name, p := range policies {
		check(name, p.PolicyDocument)
	}
	kept := false
	for _, s := range policies["TableOfFunctions"].PolicyDocument.Statement {
		kept = kept || s.Effect == "Deny" && strings.Contains(string(s.Condition), `"dynamodb:LeadingKeys":["keys#*"]`)
	}
	if !kept {
		t.Error("functions may read WhatsApp keys")
	}
	roles := all[struct {
		ManagedPolicyArns []stack.Text
		Policies          []struct{ PolicyDocument document }
	}](t, "AWS::IAM::Role")
	functions := all[stack.Function](t, "AWS::Serverless::Function")
	for name, r := range roles {
		for _, p := range r.Policies {
			check(name, p.PolicyDocument)
		}
	}
	for name, f := range functions {
		r := roles[strings.TrimSuffix(string(f.Role), ".Arn")]
		if !slices.Contains(r.ManagedPolicyArns, "TableOfFunctions") {
			t.Errorf("%s has not the functions' policy of the table", name)
		}
		for _, p := range r.Policies {
			for _, s := range p.PolicyDocument.Statement {
				if strings.Contains(string(s.Action), "dynamodb:") {
					t.Errorf("%s has a policy of the table of its own", name)
				}
			}
		}
	}
}

func TestLogsEnd(t *testing.T) {
	t.Parallel()
	for name, group := range all[struct{ RetentionInDays json.RawMessage }](t, "AWS::Logs::LogGroup") {
		if len(group.RetentionInDays) == 0 {
			t.Errorf("%s is kept for ever", name)
		}
	}
}

func TestEveryParameterIsExplained(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(root + "docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, guide, _ = bytes.Cut(guide, []byte("\n## Parameters\n"))
	guide, _, _ = bytes.Cut(guide, []byte("\n## "))
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z0-9]*)` \\|").FindAllSubmatch(guide, -1) {
		explained[string(row[1])] = true
	}
	parameters := read(t).Parameters
	for name, p := range parameters {
		if !explained[name] || p.Description == "" {
			t.Errorf("parameter %s is not explained in docs/deploy.md and the template", name)
		}
	}
	for name := range maps.Keys(explained) {
		if _, ok := parameters[name]; !ok {
			t.Errorf("docs/deploy.md explains parameter %s, which there is not", name)
		}
	}
}
