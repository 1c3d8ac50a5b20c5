package dynamo_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"roost/shared/emulator"
	"roost/shared/table"
	"roost/shared/table/dynamo"
)

// call is one use of the port on the item k, or items k and l, and what each
// fault of a lost answer comes to.
type call struct {
	k, l            table.Key
	name, operation string
	exists          bool // k does before, at revision 1, with n = 1
	run             func(ctx context.Context, t table.Table) error
	// What a lost request and a lost answer come to.
	lost, persisted error
	// Whether k is as the call leaves it.
	done func(item table.Item, err error) bool
}

func counted(key table.Key, n int64) table.Item {
	return table.Item{Key: key, Attributes: map[string]any{"n": n}, Body: []byte("body")}
}

// calls are on items of the partition.
func calls(partition string) []call {
	k, l := table.Key{Partition: partition, Sort: "k"}, table.Key{Partition: partition, Sort: "l"}
	put := func(condition table.Condition, revision int64) func(context.Context, table.Table) error {
		return func(ctx context.Context, t table.Table) error {
			got, err := t.Put(ctx, counted(k, 2), condition)
			if err == nil && got != revision {
				return errors.New("wrong revision")
			}
			return err
		}
	}
	is := func(n, revision int64) func(table.Item, error) bool {
		return func(item table.Item, err error) bool {
			return err == nil && item.Number("n") == n && item.Revision == revision
		}
	}
	gone := func(_ table.Item, err error) bool { return errors.Is(err, table.ErrNotFound) }
	doubt := table.ErrUnknownOutcome
	return []call{
		{k, l, "put absent", "PutItem", false, put(table.Absent(), 1), nil, nil, is(2, 1)},
		{k, l, "put revision", "PutItem", true, put(table.Revision(1), 2), nil, nil, is(2, 2)},
		{k, l, "put", "UpdateItem", true, put(table.None(), 2), doubt, nil, is(2, 2)},
		{k, l, "put fenced", "UpdateItem", true, put(table.AtMost("n", 1), 2), doubt, nil, is(2, 2)},
		{k, l, "delete revision", "DeleteItem", true, func(ctx context.Context, t table.Table) error {
			return t.Delete(ctx, k, table.Revision(1))
		}, nil, doubt, gone},
		{k, l, "delete", "DeleteItem", true, func(ctx context.Context, t table.Table) error {
			return t.Delete(ctx, k, table.None())
		}, doubt, nil, gone},
		{k, l, "delete fenced", "DeleteItem", true, func(ctx context.Context, t table.Table) error {
			return t.Delete(ctx, k, table.AtMost("n", 1))
		}, doubt, doubt, gone},
		{k, l, "write", "TransactWriteItems", true, func(ctx context.Context, t table.Table) error {
			return t.Write(ctx, table.PutOp(counted(k, 2), table.AtMost("n", 1)), table.PutOp(counted(l, 1), table.Absent()))
		}, nil, nil, is(2, 2)},
		{k, l, "batch", "BatchWriteItem", true, func(ctx context.Context, t table.Table) error {
			return t.BatchWrite(ctx, []table.Item{counted(k, 2)}, []table.Key{l})
		}, nil, nil, is(2, 1)},
		{k, l, "increment", "UpdateItem", true, func(ctx context.Context, t table.Table) error {
			sum, err := t.Increment(ctx, k, "n", 1)
			if err == nil && sum != 2 {
				return errors.New("wrong sum")
			}
			return err
		}, doubt, nil, is(2, 2)},
		{k, l, "increment absent", "PutItem", false, func(ctx context.Context, t table.Table) error {
			_, err := t.Increment(ctx, k, "n", 2)
			return err
		}, nil, nil, is(2, 1)},
		{k, l, "get", "GetItem", true, func(ctx context.Context, t table.Table) error {
			_, err := t.Get(ctx, k)
			return err
		}, nil, nil, is(1, 1)},
		{k, l, "batch get", "BatchGetItem", true, func(ctx context.Context, t table.Table) error {
			found, err := t.BatchGet(ctx, []table.Key{k, l})
			if err == nil && len(found) != 1 {
				return errors.New("not found")
			}
			return err
		}, nil, nil, is(1, 1)},
		{k, l, "query", "Query", true, func(ctx context.Context, t table.Table) error {
			page, err := t.Query(ctx, table.Query{Partition: k.Partition})
			if err == nil && len(page.Items) != 1 {
				return errors.New("not found")
			}
			return err
		}, nil, nil, is(1, 1)},
	}
}

// reads tells whether the call only reads.
func (c call) reads() bool {
	return c.operation == "GetItem" || c.operation == "Query" || c.operation == "BatchGetItem"
}

// each runs a body for every call, or those named, on items of their own.
func each(t *testing.T, body func(t *testing.T, c call, p *proxy, faulty, direct *dynamo.Table), names ...string) {
	t.Helper()
	name := create(t, dynamodb.NewFromConfig(emulator.Config(t, emulator.DynamoDB)))
	for i, c := range calls("") {
		if len(names) > 0 && !slices.Contains(names, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c := calls(c.name)[i]
			p, faulty, direct := through(t, name)
			reset(t, c, direct)
			body(t, c, p, faulty, direct)
		})
	}
}

// reset brings the table to what the call expects.
func reset(t *testing.T, c call, direct *dynamo.Table) {
	t.Helper()
	var puts []table.Item
	deletes := []table.Key{c.l}
	if c.exists {
		puts = append(puts, counted(c.k, 1))
	} else {
		deletes = append(deletes, c.k)
	}
	if err := direct.BatchWrite(t.Context(), puts, deletes); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c call, direct *dynamo.Table, err, want error, done bool) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
	if item, err := direct.Get(t.Context(), c.k); c.done(item, err) != done {
		t.Errorf("left %+v, %v; done should be %v", item, err, done)
	}
}

// TestRefused: what DynamoDB refuses is tried again until it is done, once.
func TestRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c call, p *proxy, faulty, direct *dynamo.Table) {
		for _, f := range []fault{
			refusal("ProvisionedThroughputExceededException"), refusal("ThrottlingException"), refusal("RequestLimitExceeded"),
			refusal("TransactionConflictException"), canceled("None", "TransactionConflict"), canceled("ThrottlingError", "None"),
		} {
			reset(t, c, direct)
			times := 0
			p.obey(func(_ int, operation string) fault {
				if operation == c.operation && times < 2 {
					times++
					return f
				}
				return passes
			})
			expect(t, c, direct, c.run(t.Context(), faulty), nil, true)
			if times != 2 || p.seen(c.operation) < 3 {
				t.Errorf("%d requests of %s, %d refused", p.seen(c.operation), c.operation, times)
			}
		}
	})
}

// TestRefusedForGood: the tries are bounded and nothing was written.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c call, p *proxy, faulty, direct *dynamo.Table) {
		p.obey(always(refusal("ThrottlingException")))
		err := c.run(t.Context(), faulty)
		expect(t, c, direct, err, table.ErrUnavailable, c.reads())
		if got := p.seen(""); got != 8 {
			t.Errorf("%d requests, want 8", got)
		}
	}, "put absent", "put", "write", "batch", "get")
}

// TestLost is the pair "failed" and "failed but persisted", by a connection that
// ends and by an internal error.
func TestLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c call, p *proxy, faulty, direct *dynamo.Table) {
		for _, f := range []struct {
			name string
			fault
			want error
		}{
			{"cut before", fault{status: http.StatusOK, cut: true}, c.lost},
			{"cut after", fault{forward: true, cut: true}, c.persisted},
			{"500 before", fault{status: http.StatusInternalServerError, body: internalError}, c.lost},
			{"500 after", fault{forward: true, status: http.StatusInternalServerError, body: internalError}, c.persisted},
			{"503 after", fault{forward: true, status: http.StatusServiceUnavailable, body: "<html>busy</html>"}, c.persisted},
			{"garbled", fault{forward: true, status: http.StatusOK, body: `{"Item":`}, c.persisted},
		} {
			reset(t, c, direct)
			p.obey(once(c.operation, f.fault))
			err := c.run(t.Context(), faulty)
			if !errors.Is(err, f.want) {
				t.Errorf("%s: %v, want %v", f.name, err, f.want)
			}
			expect(t, c, direct, err, f.want, c.reads() || f.forward || err == nil)
		}
	})
}

// TestLostAgainAndAgain: when no answer ever comes, nobody can say.
func TestLostAgainAndAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c call, p *proxy, faulty, direct *dynamo.Table) {
		p.obey(always(fault{forward: true, cut: true}))
		want := table.ErrUnknownOutcome
		if c.reads() {
			want = table.ErrUnavailable
		}
		if err := c.run(t.Context(), faulty); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		if c.reads() {
			return
		}
		// Lost, and refused ever after: still nobody can say.
		reset(t, c, direct)
		met := false
		p.obey(func(_ int, operation string) fault {
			switch {
			case met:
				return refusal("ThrottlingException")
			case operation == c.operation:
				met = true
				return fault{forward: true, cut: true}
			}
			return passes
		})
		if err := c.run(t.Context(), faulty); !errors.Is(err, want) {
			t.Errorf("then refused: error %v, want %v", err, want)
		}
	}, "put absent", "put", "delete revision", "write", "batch", "query")
}

// TestLostAndOvertaken: after an answer was lost somebody else writes, so that
// the next try meets a condition that fails. It must not say "nothing written".
func TestLostAndOvertaken(t *testing.T) {
	t.Parallel()
	p, faulty, direct := through(t, "")
	k := table.Key{Partition: "p", Sort: "k"}
	var others error
	p.obey(once("PutItem", fault{forward: true, cut: true, after: func() {
		_, others = direct.Put(context.Background(), counted(k, 9), table.Revision(1))
	}}))
	_, err := faulty.Put(t.Context(), counted(k, 1), table.Absent())
	if others != nil || !errors.Is(err, table.ErrUnknownOutcome) || errors.Is(err, table.ErrConflict) {
		t.Errorf("error %v, want ErrUnknownOutcome alone (%v)", err, others)
	}
	if item, err := direct.Get(t.Context(), k); err != nil || item.Number("n") != 9 {
		t.Errorf("the other write is gone: %+v, %v", item, err)
	}
}

// TestCanceledUnderway: a caller who stops waiting for a write learns that it may
// have happened.
func TestCanceledUnderway(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c call, p *proxy, faulty, direct *dynamo.Table) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p.obey(once(c.operation, fault{forward: true, cut: true, after: cancel}))
		want := table.ErrUnknownOutcome
		if c.reads() {
			want = context.Canceled
		}
		err := c.run(ctx, faulty)
		expect(t, c, direct, err, want, true)
		if !c.reads() && errors.Is(err, context.Canceled) {
			t.Errorf("%v wraps two classes", err)
		}
	})
}

// TestNobodyThere: what was never sent was not written.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	k := table.Key{Partition: "p", Sort: "k"}
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), // where nothing listens
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
	if _, err := dynamo.New(client, "x").Put(t.Context(), counted(k, 1), table.None()); !errors.Is(err, table.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

// TestCredentials: expired ones are fetched anew, once for each refusal.
func TestCredentials(t *testing.T) {
	t.Parallel()
	k := table.Key{Partition: "p", Sort: "k"}
	fetched := 0
	provider := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		fetched++
		return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
	}))
	p, faulty, direct := through(t, "", func(o *dynamodb.Options) { o.Credentials = provider })
	p.obey(func(call int, _ string) fault {
		if call < 2 {
			return refusal("ExpiredTokenException")
		}
		return passes
	})
	if _, err := faulty.Put(t.Context(), counted(k, 1), table.None()); err != nil || fetched != 3 {
		t.Errorf("put: %v after credentials were fetched %d times, want 3", err, fetched)
	}
	if item, err := direct.Get(t.Context(), k); err != nil || item.Revision != 1 {
		t.Errorf("left %+v, %v", item, err)
	}
	p.obey(always(refusal("UnrecognizedClientException")))
	if _, err := faulty.Get(t.Context(), k); !errors.Is(err, table.ErrUnavailable) || p.seen("") != 1 {
		t.Errorf("wrong credentials: %v after %d requests", err, p.seen(""))
	}
}
