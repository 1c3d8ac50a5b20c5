package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/tenant"
)

// knownFor is how long a number that was on WhatsApp is taken to be so. One
// that was not is asked about again: people join.
const knownFor = 7 * 24 * time.Hour

// A process remembers so many of the numbers that it has looked up, and how long.
const (
	maxNumbers  = 20_000
	rememberFor = 10 * time.Minute
)

// checked is a number that is on WhatsApp, or that is there in another spelling:
// then it does not exist. It counts until then.
type checked struct {
	command.CheckedNumber
	until time.Time
}

// Contact is what a number leads to.
type Contact struct {
	Number string // as asked
	JID    string // person, group or broadcast
	LID    string // "" when it is not known
	Name   string // "" when it is not known
	Exists bool   // on WhatsApp; groups and broadcasts are not checked and count as there, channels never do
}

// Person reports whether it is neither group nor broadcast.
func (c Contact) Person() bool {
	return strings.HasSuffix(c.JID, personServer) || strings.HasSuffix(c.JID, "@lid")
}

// AbsentError says that a message would reach nobody.
type AbsentError struct{ Contact Contact }

func (e *AbsentError) Error() string { return "the number is not on WhatsApp" }

// Lookup finds out what numbers lead to, in their order. Persons are looked for
// on WhatsApp, in the spellings that their country knows; the JID is the one
// that WhatsApp has confirmed. Errors: a Conflict with the code
// connection_closed when the instance is not connected, and those of the host.
func (c *Core) Lookup(ctx context.Context, i instance.Instance, numbers []string) ([]Contact, error) {
	i, err := c.online(ctx, i)
	if err != nil {
		return nil, err
	}
	return c.lookup(ctx, i, numbers)
}

func (c *Core) lookup(ctx context.Context, i instance.Instance, numbers []string) ([]Contact, error) {
	found := make([]Contact, len(numbers))
	var asked []string // digits, in all their spellings
	for n, number := range numbers {
		found[n] = Contact{Number: number, JID: Address(number), Exists: true}
		digits, person := strings.CutSuffix(found[n].JID, personServer)
		if !person {
			found[n].Exists = !strings.HasSuffix(found[n].JID, channelServer)
			continue
		}
		found[n].Exists = false
		if plainNumber(digits) {
			asked = append(asked, variants(digits)...)
		}
	}
	known, err := c.check(ctx, i, asked)
	if err != nil {
		return nil, err
	}
	for n := range found {
		digits, person := strings.CutSuffix(found[n].JID, personServer)
		if !person {
			continue
		}
		for _, v := range variants(digits) {
			k, ok := known[v]
			if !ok {
				continue
			}
			found[n].Exists, found[n].LID, found[n].Name = true, k.LID, k.Name
			if found[n].JID = k.PN; k.PN == "" { // its owner hides the number
				found[n].JID = k.LID
			}
			break
		}
	}
	return found, nil
}

// plainNumber keeps what cannot be a phone number from WhatsApp (ITU-T E.164:
// at most 15 digits).
func plainNumber(digits string) bool {
	return len(digits) >= 5 && len(digits) <= 15 && Digits(digits) == digits
}

// check returns those of the numbers that are on WhatsApp.
func (c *Core) check(ctx context.Context, i instance.Instance, numbers []string) (map[string]command.CheckedNumber, error) {
	known, err := c.remembered(ctx, i.Tenant, numbers)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(numbers), func(n string) bool {
		return slices.ContainsFunc(variants(n), func(v string) bool { return known[v].Exists })
	})
	slices.Sort(missing)
	missing = slices.Compact(missing)
	if len(missing) == 0 {
		return known, nil
	}
	var checked command.Checked
	if err := c.do(ctx, i, command.CheckNumbers, command.CheckArgs{Numbers: missing}, &checked); err != nil {
		return nil, err
	}
	var puts []table.Item
	for _, n := range checked.Numbers {
		if !n.Exists || n.PN == "" && n.LID == "" || !slices.Contains(missing, n.Number) {
			continue
		}
		known[n.Number] = n
		puts = append(puts, table.Item{
			Key:        checkKey(i.Tenant, n.Number),
			Attributes: map[string]any{"pn": n.PN, "lid": n.LID, "name": n.Name},
			Expires:    time.Now().Add(knownFor),
		})
	}
	if err := c.deps.Table.BatchWrite(ctx, puts, nil); err != nil {
		c.deps.Log.WarnContext(ctx, "checked numbers cannot be remembered", "err", err)
	}
	return known, nil
}

// checkKey is where a tenant's knowledge of a number is:
//
//	number#<tenant>#<digits>   check   pn, lid, name
func checkKey(t tenant.ID, digits string) table.Key {
	return table.Key{Partition: "number#" + string(t) + "#" + digits, Sort: "check"}
}

func (c *Core) remembered(ctx context.Context, t tenant.ID, numbers []string) (map[string]command.CheckedNumber, error) {
	known := map[string]command.CheckedNumber{}
	var keys []table.Key
	for _, number := range numbers {
		k, ok := c.numbers.Get(checkKey(t, number))
		switch {
		case !ok || !time.Now().Before(k.until):
			keys = append(keys, checkKey(t, number))
		case k.Exists:
			known[number] = k.CheckedNumber
		}
	}
	if len(keys) == 0 {
		return known, nil
	}
	items, err := c.deps.Table.BatchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("look up numbers: %w", err)
	}
	until := time.Now().Add(rememberFor)
	for _, number := range numbers {
		item, ok := items[checkKey(t, number)]
		if !ok {
			continue
		}
		k := command.CheckedNumber{Number: number, Exists: true, PN: item.Text("pn"), LID: item.Text("lid"), Name: item.Text("name")}
		known[number] = k
		for _, spelling := range variants(number) {
			if spelling != number && !known[spelling].Exists {
				c.numbers.Put(checkKey(t, spelling), checked{until: until})
			}
		}
		c.numbers.Put(item.Key, checked{k, until})
	}
	return known, nil
}

// receiver resolves the number that a message is for.
func (c *Core) receiver(ctx context.Context, i instance.Instance, number string) (Contact, error) {
	found, err := c.lookup(ctx, i, []string{number})
	if err != nil {
		return Contact{}, err
	}
	if !found[0].Exists {
		return Contact{}, &AbsentError{Contact: found[0]}
	}
	if found[0].JID == "" {
		return Contact{}, fault.New(fault.Invalid, "%q is no address", number)
	}
	return found[0], nil
}
