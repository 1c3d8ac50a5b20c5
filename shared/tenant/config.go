package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"roost/shared/table"
)

// MaxIdle is how many idle instances that release a tenant may have when it
// has not said otherwise.
const MaxIdle = 100

// Config is what a tenant has set for all its instances. The zero value is the
// default.
type Config struct {
	// MaxIdle is how many of its idle instances keep their place on a host.
	// One more, and the oldest is released. 0 means [MaxIdle].
	MaxIdle int `json:"maxIdle,omitempty"`
	// LegacyWebID has the .aspx dialect call an instance by its key, as the
	// original does, and not by its id.
	LegacyWebID bool `json:"legacyWebID,omitempty"`
}

// IdleLimit is MaxIdle with its default.
func (c Config) IdleLimit() int {
	if c.MaxIdle <= 0 {
		return MaxIdle
	}
	return c.MaxIdle
}

// Repository keeps what tenants have set:
//
//	tenant#<tenant>   config   JSON of Config
type Repository struct{ table table.Table }

// NewRepository keeps tenants on t.
func NewRepository(t table.Table) *Repository { return &Repository{table: t} }

func configKey(t ID) table.Key { return table.Key{Partition: "tenant#" + string(t), Sort: "config"} }

// Config returns what a tenant has set, the zero value when nothing.
func (r *Repository) Config(ctx context.Context, t ID) (Config, error) {
	item, err := r.table.Get(ctx, configKey(t))
	if errors.Is(err, table.ErrNotFound) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the settings of tenant %s: %w", t, err)
	}
	var c Config
	if err := json.Unmarshal(item.Body, &c); err != nil {
		return Config{}, fmt.Errorf("read the settings of tenant %s: %w", t, err)
	}
	return c, nil
}

// SetConfig replaces what a tenant has set.
func (r *Repository) SetConfig(ctx context.Context, t ID, c Config) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("marshal the settings of tenant %s: %w", t, err)
	}
	if _, err := r.table.Put(ctx, table.Item{Key: configKey(t), Body: body}, table.None()); err != nil {
		return fmt.Errorf("write the settings of tenant %s: %w", t, err)
	}
	return nil
}
