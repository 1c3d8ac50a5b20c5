package core

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
)

// pass is what a pass says.
type pass struct {
	Instance instance.ID `json:"i"`
	Until    int64       `json:"u"` // Unix s
}

// Pass makes a word that opens one thing of an instance until then: for URLs in
// which its token must not stand.
func (c *Core) Pass(i instance.Instance, thing string, until time.Time) (string, error) {
	said, err := json.Marshal(pass{i.ID, until.Unix()})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(c.deps.Sealer.Seal(said, passPlace(thing))), nil
}

// Passed returns the instance of which a word opens a thing: Unauthorized when it
// opens nothing, or no longer.
func (c *Core) Passed(ctx context.Context, word, thing string) (instance.Instance, error) {
	refused := fault.New(fault.Unauthorized, "the pass opens nothing")
	sealed, err := base64.RawURLEncoding.DecodeString(word)
	if err != nil {
		return instance.Instance{}, refused
	}
	said, err := c.deps.Sealer.Open(sealed, passPlace(thing))
	if err != nil {
		return instance.Instance{}, refused
	}
	var p pass
	if json.Unmarshal(said, &p) != nil || time.Now().Unix() >= p.Until {
		return instance.Instance{}, refused
	}
	i, err := c.deps.Instances.Get(ctx, p.Instance)
	if fault.KindOf(err) == fault.NotFound || err == nil && leaving(i.State) {
		return instance.Instance{}, refused
	}
	return i, err
}

func passPlace(thing string) []byte { return []byte("pass for " + thing) }
