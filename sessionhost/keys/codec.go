package keys

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strconv"
	"sync"

	"roost/shared/seal"
	"roost/shared/table"
)

// A value is one byte for its packing, the value, all sealed for its item.
const (
	packedPlain byte = iota
	packedFlate
)

// packFrom is the length from which compression is tried. Usual sessions are below
// it, and hold random bytes that gain nothing.
const packFrom = 4 << 10

// valueLimit bounds what a table entry may unpack to.
const valueLimit = 64 << 20

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // fails for unknown levels only
	return w
}}

func pack(value []byte) []byte {
	if len(value) >= packFrom {
		var out bytes.Buffer
		out.Grow(len(value))
		out.WriteByte(packedFlate)
		w := deflaters.Get().(*flate.Writer) //nolint:forcetypeassert // the pool's only type
		defer deflaters.Put(w)
		w.Reset(&out)
		_, err := w.Write(value)
		if err == nil && w.Close() == nil && out.Len() < len(value) {
			return out.Bytes()
		}
	}
	out := make([]byte, 1+len(value))
	copy(out[1:], value)
	return out
}

func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, seal.ErrSealed
	}
	switch packed[0] {
	case packedPlain:
		return packed[1:], nil
	case packedFlate:
		value, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed[1:])), valueLimit))
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		return value, nil
	}
	return nil, fmt.Errorf("unknown packing %d", packed[0])
}

func place(key table.Key) []byte {
	return []byte(key.Partition + "\x00" + key.Sort)
}

func partSort(sort string, n int) string {
	return prefixPart + sort + "/" + strconv.Itoa(n)
}

// split cuts a sealed value into bodies that fit into items under key, which
// has epoch and parts for attributes.
func split(sealed []byte, key table.Key) [][]byte {
	probe := table.Item{Key: table.Key{Partition: key.Partition, Sort: partSort(key.Sort, 1000)}}
	probe.Attributes = map[string]any{attributeEpoch: int64(0), attributeParts: int64(0)}
	room := table.MaxItemSize - table.Size(probe)
	var bodies [][]byte
	for len(sealed) > room {
		bodies = append(bodies, sealed[:room])
		sealed = sealed[room:]
	}
	return append(bodies, sealed)
}
