package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// errSame rolls back a transaction that would change nothing: like Consul, an
// equal write moves no index and wakes nobody.
var errSame = errors.New("nothing to change")

// apply checks all operations before it writes any. All keys that it changes get
// the same index, one more than the last.
func apply(b *bbolt.Bucket, ops []Op) (change, error) {
	changing, err := demand(b, ops)
	if err != nil {
		return change{}, err
	}
	if len(changing) == 0 {
		return change{}, errSame
	}
	made := change{index: b.Sequence() + 1}
	for _, op := range changing {
		made.keys = append(made.keys, op.Key)
		if err := write(b, op, made.index); err != nil {
			return change{}, err
		}
	}
	return made, b.SetSequence(made.index)
}

// demand checks every operation's index and returns those that change a value.
func demand(b *bbolt.Bucket, ops []Op) (changing []Op, err error) {
	for _, op := range ops {
		var old Entry
		stored := b.Get([]byte(op.Key))
		if stored != nil {
			if old, err = decode([]byte(op.Key), stored); err != nil {
				return nil, err
			}
		}
		if old.Index != op.Index {
			return nil, conflict(op.Key, old.Index, op.Index)
		}
		if op.changes(stored != nil, old.Value) {
			changing = append(changing, op)
		}
	}
	return changing, nil
}

func (op Op) changes(exists bool, value []byte) bool {
	switch op.Verb {
	case Set:
		return !exists || !bytes.Equal(value, op.Value)
	case Delete:
		return exists
	}
	return false
}

func write(b *bbolt.Bucket, op Op, index uint64) error {
	if op.Verb == Delete {
		return b.Delete([]byte(op.Key))
	}
	return b.Put([]byte(op.Key), encode(Entry{Key: op.Key, Value: op.Value, Index: index}))
}

// An entry in the file is a checksum (4 bytes) over all that follows and the key,
// the index (8 bytes), and the value. bbolt itself checks only its first pages.
const entryHead = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errChecksum = errors.New("checksum is wrong")

func encode(e Entry) []byte {
	out := make([]byte, entryHead, entryHead+len(e.Value))
	binary.BigEndian.PutUint64(out[4:], e.Index)
	out = append(out, e.Value...)
	binary.BigEndian.PutUint32(out, checksum([]byte(e.Key), out))
	return out
}

// decode copies: what bbolt hands out is gone after its transaction.
func decode(key, stored []byte) (Entry, error) {
	if len(stored) < entryHead || binary.BigEndian.Uint32(stored) != checksum(key, stored) {
		return Entry{}, fmt.Errorf("key %q: %w", key, errChecksum)
	}
	return Entry{
		Key:   string(key),
		Value: append([]byte{}, stored[entryHead:]...),
		Index: binary.BigEndian.Uint64(stored[4:]),
	}, nil
}

func checksum(key, stored []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, stored[4:])
}
