package keys

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/util/keys"
)

// One-time prekeys stand in chunks of 24, so that 812 of them are 34 items in
// one transaction, and using one rewrites an item below the 1 KiB that a write
// is billed by. A seed to derive them from would be smaller still, but a used
// key must be gone: whoever finds it later reads the first messages of a
// session.
const chunkKeys = 24

// maxPreKeyID is the end of the ids, which have 24 bits on the wire.
const maxPreKeyID = 1<<24 - 1

// chunk holds the prekeys with the ids number*24+1 to number*24+24.
type chunk struct {
	number   uint32
	issued   byte   // how many ids were ever used, from the first
	present  uint32 // bits
	uploaded uint32 // bits, of those present
	private  [chunkKeys][32]byte
}

func chunkSort(number uint32) string { return fmt.Sprintf("%s%06x", prefixPreKey, number) }

func chunkOf(id uint32) (number, bit uint32) {
	return (id - 1) / chunkKeys, (id - 1) % chunkKeys
}

var errChunk = errors.New("damaged prekeys")

func decodeChunk(sort string, value []byte) (*chunk, error) {
	number, err := strconv.ParseUint(strings.TrimPrefix(sort, prefixPreKey), 16, 32)
	if err != nil {
		return nil, errChunk
	}
	c := &chunk{number: uint32(number)}
	if value == nil {
		return c, nil
	}
	if len(value) < 9 {
		return nil, errChunk
	}
	c.issued = value[0]
	c.present, c.uploaded = binary.BigEndian.Uint32(value[1:]), binary.BigEndian.Uint32(value[5:])
	value = value[9:]
	if c.issued > chunkKeys || len(value) != 32*bits.OnesCount32(c.present) || bits.Len32(c.present) > chunkKeys {
		return nil, errChunk
	}
	for bit := range uint32(chunkKeys) {
		if c.has(bit) {
			copy(c.private[bit][:], value)
			value = value[32:]
		}
	}
	return c, nil
}

func (c *chunk) encode() []byte {
	value := make([]byte, 9, 9+32*chunkKeys)
	value[0] = c.issued
	binary.BigEndian.PutUint32(value[1:], c.present)
	binary.BigEndian.PutUint32(value[5:], c.uploaded)
	for bit := range uint32(chunkKeys) {
		if c.has(bit) {
			value = append(value, c.private[bit][:]...)
		}
	}
	return value
}

func (c *chunk) has(bit uint32) bool { return c.present>>bit&1 == 1 }

func (c *chunk) key(bit uint32) *keys.PreKey {
	return &keys.PreKey{
		KeyPair: *keys.NewKeyPairFromPrivateKey(c.private[bit]),
		KeyID:   c.number*chunkKeys + bit + 1,
	}
}

// preKeys is a transaction's view of all chunks.
type preKeys struct {
	tx      *txn
	chunks  []*chunk // in order
	touched map[*chunk]bool
}

func (tx *txn) preKeys(ctx context.Context) (*preKeys, error) {
	p := &preKeys{tx: tx, touched: make(map[*chunk]bool)}
	for _, sort := range tx.list(prefixPreKey) {
		value, err := tx.read(ctx, sort)
		if err != nil {
			return nil, err
		}
		c, err := decodeChunk(sort, value)
		if err != nil {
			return nil, err
		}
		p.chunks = append(p.chunks, c)
	}
	return p, nil
}

// generate makes the key after the last that was ever made: ids do not come
// again, for the server may still hand out the old one.
func (p *preKeys) generate(uploaded bool) (*keys.PreKey, error) {
	var c *chunk
	if n := len(p.chunks); n > 0 {
		c = p.chunks[n-1]
	}
	if c == nil || c.issued == chunkKeys {
		next := &chunk{}
		if c != nil {
			next.number = c.number + 1
		}
		c = next
		p.chunks = append(p.chunks, c)
	}
	bit := uint32(c.issued)
	if c.number*chunkKeys+bit+1 > maxPreKeyID {
		return nil, errors.New("all prekey ids are used up")
	}
	key := keys.NewPreKey(c.number*chunkKeys + bit + 1)
	c.private[bit] = *key.Priv
	c.issued++
	c.present |= 1 << bit
	if uploaded {
		c.uploaded |= 1 << bit
	}
	p.touched[c] = true
	return key, nil
}

func (p *preKeys) store() error {
	for i, c := range p.chunks {
		if !p.touched[c] {
			continue
		}
		// The last chunk stays when it is empty: it knows which id is next.
		if c.present == 0 && i < len(p.chunks)-1 {
			p.tx.remove(chunkSort(c.number))
			continue
		}
		if err := p.tx.put(chunkSort(c.number), c.encode()); err != nil {
			return err
		}
	}
	return nil
}

// GetOrGenPreKeys implements [store.PreKeyStore]: those not uploaded yet, by id,
// then new ones.
func (k *Keys) GetOrGenPreKeys(ctx context.Context, count uint32) ([]*keys.PreKey, error) {
	var found []*keys.PreKey
	err := k.update(ctx, inPieces, func(tx *txn) error {
		p, err := tx.preKeys(ctx)
		if err != nil {
			return err
		}
		for _, c := range p.chunks {
			for bit := range uint32(chunkKeys) {
				if c.has(bit) && c.uploaded>>bit&1 == 0 && uint32(len(found)) < count {
					found = append(found, c.key(bit))
				}
			}
		}
		for uint32(len(found)) < count {
			key, err := p.generate(false)
			if err != nil {
				return err
			}
			found = append(found, key)
		}
		return p.store()
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// GenOnePreKey implements [store.PreKeyStore]; the key counts as uploaded.
func (k *Keys) GenOnePreKey(ctx context.Context) (*keys.PreKey, error) {
	var key *keys.PreKey
	err := k.update(ctx, promptly, func(tx *txn) error {
		p, err := tx.preKeys(ctx)
		if err != nil {
			return err
		}
		if key, err = p.generate(true); err != nil {
			return err
		}
		return p.store()
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// GetPreKey implements [store.PreKeyStore]; nil if there is none.
func (k *Keys) GetPreKey(ctx context.Context, id uint32) (*keys.PreKey, error) {
	if id == 0 || id > maxPreKeyID {
		return nil, nil
	}
	number, bit := chunkOf(id)
	value, err := k.read(ctx, chunkSort(number))
	if err != nil {
		return nil, err
	}
	c, err := decodeChunk(chunkSort(number), value)
	if err != nil || !c.has(bit) {
		return nil, err
	}
	return c.key(bit), nil
}

// RemovePreKey implements [store.PreKeyStore]: the key is gone for good.
func (k *Keys) RemovePreKey(ctx context.Context, id uint32) error {
	if id == 0 || id > maxPreKeyID {
		return nil
	}
	return k.update(ctx, promptly, func(tx *txn) error {
		number, bit := chunkOf(id)
		sort := chunkSort(number)
		value, err := tx.read(ctx, sort)
		if err != nil {
			return err
		}
		c, err := decodeChunk(sort, value)
		if err != nil || !c.has(bit) {
			return err
		}
		c.present &^= 1 << bit
		c.uploaded &^= 1 << bit
		c.private[bit] = [32]byte{}
		if last := tx.list(prefixPreKey); c.present == 0 && last[len(last)-1] != sort {
			tx.remove(sort)
			return nil
		}
		return tx.put(sort, c.encode())
	})
}

// MarkPreKeysAsUploaded implements [store.PreKeyStore].
func (k *Keys) MarkPreKeysAsUploaded(ctx context.Context, upToID uint32) error {
	return k.update(ctx, inPieces, func(tx *txn) error {
		p, err := tx.preKeys(ctx)
		if err != nil {
			return err
		}
		for _, c := range p.chunks {
			for bit := range uint32(chunkKeys) {
				if c.has(bit) && c.uploaded>>bit&1 == 0 && c.number*chunkKeys+bit+1 <= upToID {
					c.uploaded |= 1 << bit
					p.touched[c] = true
				}
			}
		}
		return p.store()
	})
}

// UploadedPreKeyCount implements [store.PreKeyStore]. It costs no request.
func (k *Keys) UploadedPreKeyCount(ctx context.Context) (int, error) {
	count := 0
	err := k.update(ctx, lazily, func(tx *txn) error {
		p, err := tx.preKeys(ctx)
		if err != nil {
			return err
		}
		for _, c := range p.chunks {
			count += bits.OnesCount32(c.uploaded)
		}
		return nil
	})
	return count, err
}
