package instance_test

import (
	"testing"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
	"roost/shared/tenant"
)

// TestARememberedName is looked up in one process while another gives it to
// somebody else.
func TestARememberedName(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	tbl := tablesqlite.New(sqlitetest.Open(t, sqlite.Options{}))
	journal := &tabletest.Journal{Inner: tbl}
	other, here := instance.NewRepository(tbl), instance.NewRepository(journal)
	create := func(id instance.ID) instance.Instance {
		t.Helper()
		i, err := other.Create(ctx, instance.Instance{ID: id, Tenant: tenant.Default, Name: "shop", State: instance.Created, TokenHash: []byte(id)})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	look := func(requests int) instance.ID {
		t.Helper()
		journal.Reset()
		i, err := here.ByName(ctx, tenant.Default, "shop")
		if err != nil && fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		if got := journal.Requests(); len(got) != requests {
			t.Errorf("asked %v", got)
		}
		return i.ID
	}
	first := create("i1")
	if got := look(2); got != "i1" {
		t.Errorf("it is %s's", got)
	}
	if got := look(1); got != "i1" {
		t.Errorf("remembered as %s's", got)
	}
	first, err := other.Update(ctx, first.ID, func(i *instance.Instance) error { return i.Move(instance.Deleting, instance.Reason{}) })
	if err != nil {
		t.Fatal(err)
	}
	if got := look(3); got != "i1" { // still its name
		t.Errorf("while it goes it is %s's", got)
	}
	if err := other.ReleaseName(ctx, first); err != nil {
		t.Fatal(err)
	}
	if got := look(1); got != "" {
		t.Errorf("released it is %s's", got)
	}
	create("i2")
	if got := look(2); got != "i2" {
		t.Errorf("given anew it is %s's", got)
	}
	look(1)
	if err := other.Remove(ctx, first); err != nil {
		t.Fatal(err)
	}
	if got := look(1); got != "i2" {
		t.Errorf("after the first is gone it is %s's", got)
	}
	second, err := other.Get(ctx, "i2")
	if err == nil {
		err = other.Remove(ctx, second)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := look(2); got != "" {
		t.Errorf("removed it is %s's", got)
	}
	if got := look(1); got != "" {
		t.Errorf("of nobody it is %s's", got)
	}
}
